/** IIN and phone, then the code of 1414. The server says what may be changed, and whether the first form is left out. */
async function fetchDocument(stage, { iin, phone, skip_input: skipped }) {
  const given = { iin: iin.value, phone: phone.value };
  if (!skipped) {
    Object.assign(given, await asked(stage, "get", {
      iin: { ...iin, pattern: "[0-9]{12}", inputMode: "numeric" }, phone: { ...phone, pattern: "77[0-9]{9}", inputMode: "tel" },
    }));
  }
  stage.show("sending", "sending");
  let { finished } = await call(stage, "otp", given);
  for (let problem = ""; !finished;) {
    const { otp } = await asked(stage, "check", {
      otp: { value: "", changeable: true, pattern: "[0-9]{6}", inputMode: "numeric" },
    }, problem);
    stage.show("sending", "sending");
    const told = await call(stage, "otp/check", { code: otp });
    if (told.passed) return true;
    ({ finished, problem } = told);
  }
  return false;
}

/** Waits until the form is sent; what stands in it by name. */
function asked(stage, action, fields, problem = "") {
  const form = element("form", "form");
  for (const [name, { value, changeable, pattern, inputMode }] of Object.entries(fields)) {
    const input = element("input", "input");
    Object.assign(input, { name, value: value || "", readOnly: !changeable && Boolean(value), pattern, inputMode, required: true });
    input.autocomplete = name === "otp" ? "one-time-code" : "off";
    form.append(element("label", "label", stage.words[name], input));
  }
  form.append(element("button", "button", stage.words[action]));
  stage.show("form", problem ? "" : "form", form);
  if (problem) stage.root.prepend(alarm(stage.words[problem]));
  form.elements[0].focus();
  return new Promise((sent) => form.addEventListener("submit", (event) => {
    event.preventDefault();
    sent(Object.fromEntries(new FormData(form)));
  }));
}
