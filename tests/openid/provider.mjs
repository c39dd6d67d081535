// A certified OpenID provider (npm `oidc-provider`) as Aitu Passport: its paths, and the claim `idpc_verification`.
// node provider.mjs <folder with node_modules> <JSON: client_id, client_secret, redirect_uri, phone, iin, text>
// It says "ready <issuer>". Whoever logs in is who they say; `iin` of the request wins over the one above.
// POST /_restart: it has forgotten everything, and signs with another key.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, told] = process.argv.slice(2);
const given = JSON.parse(told);
const found = createRequire(`${folder}/x.js`).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(found).href);

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

function started() {
  const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  const asked = new Map();
  return new Provider(issuer, configuration(key, asked)).callback();
}

const configuration = (key, asked) => ({
  clients: [{ client_id: given.client_id, client_secret: given.client_secret, redirect_uris: [given.redirect_uri] }],
  jwks: { keys: [{ ...key, kid: randomUUID(), use: "sig", alg: "RS256" }] },
  claims: { openid: ["sub"], phone: ["phone"], idpc_verification: ["idpc_verification"] },
  scopes: ["openid", "idpc_verification"],
  conformIdTokenClaims: false,
  extraParams: ["iin", "Refresh_request_id_coid"],
  pkce: { required: () => true },
  cookies: { keys: [randomUUID()] },
  routes: { authorization: "/oauth2/auth", token: "/oauth2/token", jwks: "/.well-known/jwks.json" },
  findAccount: (ctx, sub) => {
    const { iin, Refresh_request_id_coid: refresh } = ctx.oidc.params ?? {};
    if (ctx.oidc.route.startsWith("authorization") || ctx.oidc.route === "resume") {
      asked.set(sub, { iin: iin ?? given.iin, requestId: refresh === "true" ? "a-new-one" : "the-old-one" });
    }
    const claim = asked.get(sub);
    return {
      accountId: sub,
      claims: () => ({ sub, phone: given.phone, idpc_verification: given.text ? JSON.stringify(claim) : claim }),
    };
  },
});
let answer = started();
server.on("request", (request, response) => {
  if (request.method === "POST" && request.url === "/_restart") {
    answer = started();
    response.end();
  } else {
    answer(request, response);
  }
});
console.log(`ready ${issuer}`);
