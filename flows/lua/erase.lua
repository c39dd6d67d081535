-- erase: forget a client. Dialogues go with their posted effects and pointers, tokens with their counts of reads, and
-- all limits; a call that runs meanwhile finds no session, and its move is lost. The audit log keeps the fact.
-- KEYS[1]  prefix of the shard
-- ARGV     1 subject   2 what to do, as JSON: keys (sessions and tokens that may be the subject's), pairs, audit
-- returns  {dialogues, tokens}
local p, subject, todo = KEYS[1], ARGV[1], cjson.decode(ARGV[2])
local dialogues, tokens = 0, 0
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function forget_dialogue(s, sid)
  for _, queue in ipairs({'wakes', 'talks', 'shows', 'uploads', 'tells'}) do
    for _, name in ipairs(redis.call('HKEYS', s)) do
      local job = string.match(name, '^job:(.*)$')
      if job then redis.call('ZREM', p .. queue, sid .. ':' .. job) end
    end
    redis.call('ZREM', p .. queue, sid .. ':')
  end
  local pair = redis.call('HGET', s, 'pair') or sid
  redis.call('DEL', p .. 'pair:' .. pair, p .. 'sends:' .. pair, p .. 'inbox:' .. sid)
  for _, step in ipairs(redis.call('HMGET', s, 'step', 'prev')) do
    if step and step ~= '' then redis.call('DEL', p .. 'step:' .. step) end
  end
  redis.call('DEL', s)
  dialogues = dialogues + 1
end

for _, key in ipairs(todo.keys) do
  local kind, id = string.match(string.sub(key, #p + 1), '^(%a+):(.*)$')
  if redis.call('HGET', key, 'subject') == subject then
    if kind == 'session' then
      forget_dialogue(key, id)
    else
      redis.call('DEL', key, p .. 'reads:' .. id)
      tokens = tokens + 1
    end
  end
end

for _, pair in ipairs(todo.pairs) do
  redis.call('DEL', p .. 'pair:' .. pair, p .. 'wrong:' .. pair, p .. 'lock:' .. pair, p .. 'sends:' .. pair)
end
redis.call('DEL', p .. 'wrong:' .. subject, p .. 'row:' .. subject)

if todo.audit then
  redis.call('XADD', p .. 'audit', '*', 'at', string.format('%d', now), 'event', todo.audit[1], 'channel', todo.audit[2],
    'object', subject, 'fields', string.format('{"dialogues": %d, "tokens": %d}', dialogues, tokens))
end
return {dialogues, tokens}
