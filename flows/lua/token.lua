-- token: check a token at the door, count the read; write into the audit stream what is about to be shown, or that the token is revoked.
-- KEYS[1]  prefix of the shard
-- ARGV     1 SHA-256 of the token   2 channel   3 read | shown | revoke   4 fields of the audit entry   5 id of this call: run again after a lost reply, it
--          counts once
-- returns  {"ok", now, body} | {"refused", now} | {"limit", now, wait}
local p, t, channel = KEYS[1], KEYS[1] .. 'token:' .. ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local h = redis.call('HMGET', t, 'body', 'channel', 'subject', 'born', 'used', 'reads', 'state', 'last')
if h[8] == ARGV[5] then return {'ok', now, h[1]} end
if not h[1] or h[2] ~= channel or h[7] ~= 'live' then return {'refused', now} end
local used = tonumber(h[5])
if used == 0 and now - h[4] > limits.token_first_ms then return {'refused', now} end
if used > 0 and now - used > limits.token_idle_ms then return {'refused', now} end

local event
if ARGV[3] == 'revoke' then
  -- A tombstone, not a delete: a reply that is repeated later must find the token dead.
  redis.call('HSET', t, 'state', 'revoked', 'body', '', 'last', ARGV[5])
  event = 'token_revoked'
elseif ARGV[3] == 'shown' then
  redis.call('HSET', t, 'last', ARGV[5])
  event = 'card_read'
else
  local hour = p .. 'reads:' .. ARGV[1]
  local reads = redis.call('INCR', hour)
  if reads == 1 then redis.call('PEXPIRE', hour, 3600000) end
  if reads > limits.token_reads_hour then return {'limit', now, redis.call('PTTL', hour)} end
  redis.call('HSET', t, 'used', string.format('%d', now), 'last', ARGV[5])
  return {'ok', now, h[1]}
end
redis.call('XADD', p .. 'audit', '*', 'at', string.format('%d', now), 'event', event, 'channel', channel,
  'object', h[3], 'fields', ARGV[4])
return {'ok', now, h[1]}
