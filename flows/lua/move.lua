-- move: the one way a dialogue changes. All of it or nothing: the session by compare-and-set, its pointers and TTL,
-- the verdict on the attempt, the send budget, the posted effects with their wakes, the token, the audit entries.
-- KEYS[1]  prefix of the shard
-- ARGV     1 what to do, as JSON   2 body   3… sealed posted effects, in the order of do.post
-- returns  {"ok", now} | {"lost", now} | {"fenced", now} | {"limited", now, wait}
local p, todo = KEYS[1], cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local s = p .. 'session:' .. todo.sid
local pair, subject, guard, attempt = todo.pair, todo.subject, todo.guard, todo.attempt

-- What made us come here is in somebody else's hands by now.
local cause = todo.cause
if cause and redis.call('HGET', p .. 'session:' .. cause.sid, 'worker:' .. cause.job) ~= cause.lease then
  return {'fenced', now}
end
if todo.rev == 0 then
  if (redis.call('GET', p .. 'pair:' .. pair) or '') ~= todo.was then return {'lost', now} end
elseif todo.rev then
  if tonumber(redis.call('HGET', s, 'rev') or -1) ~= todo.rev then return {'lost', now} end
  -- A newer dialogue has taken the place of this one since it was read; or the reader slept through half a world.
  if redis.call('GET', p .. 'pair:' .. pair) ~= todo.sid or now - todo.at > 5000 then return {'lost', now} end
end

if todo.send then
  local key = p .. 'sends:' .. pair
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - 86400000)
  local sends = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  local count = #sends / 2
  if count > 0 then
    local pauses = limits.send_pauses
    local free = sends[#sends] + pauses[math.min(count, #pauses)] * 1000
    if count >= limits.sends_hour then free = math.max(free, sends[#sends - 2 * limits.sends_hour + 2] + 3600000) end
    if count >= limits.sends_day then free = math.max(free, sends[#sends - 2 * limits.sends_day + 2] + 86400000) end
    if free > now then return {'limited', now, free - now} end
  end
  redis.call('ZADD', key, now, todo.send)
  redis.call('PEXPIRE', key, 86400000)
end

if todo.paper then
  local key = p .. 'papers:' .. pair .. ':' .. todo.paper.page
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - limits.papers_window_ms)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if redis.call('ZCARD', key) >= limits.papers then return {'limited', now, first[2] + limits.papers_window_ms - now} end
  redis.call('ZADD', key, now, todo.paper.id)
  redis.call('PEXPIRE', key, limits.papers_window_ms)
end

-- The dialogue moves and its cause is done with in one: neither is lost, neither comes twice.
if cause then finish(p, cause.queue, cause.sid, cause.job, now, '') end

local judged = attempt ~= '' and redis.call('HGET', s, 'judged') or ''
if attempt ~= '' and redis.call('EXISTS', s) == 1 and not string.find(judged, attempt, 1, true) then
  redis.call('HSET', s, 'judged', judged .. attempt)
  if todo.verdict == 'wrong' then
    redis.call('HINCRBY', p .. 'row:' .. subject, redis.call('HGET', s, 'kind'), 1)
    redis.call('PEXPIRE', p .. 'row:' .. subject, 31536000000)
    if redis.call('GET', p .. 'lock:' .. guard) == attempt then
      -- Only now: the lock was set before the comparison, and a right answer would have lifted it.
      redis.call('XADD', p .. 'audit', '*', 'at', string.format('%d', now), 'event', 'limit_hit', 'channel', todo.channel,
        'object', subject, 'fields', '{"layer": "client"}')
    end
  else
    redis.call('ZREM', p .. 'wrong:' .. guard, attempt)
    redis.call('ZREM', p .. 'wrong:' .. subject, attempt)
    if redis.call('GET', p .. 'lock:' .. guard) == attempt then redis.call('DEL', p .. 'lock:' .. guard) end
    if todo.verdict == 'right' then redis.call('HDEL', p .. 'row:' .. subject, redis.call('HGET', s, 'kind')) end
    if todo.verdict == 'void' then
      local tries = redis.call('HGET', s, 'tries') or ''
      local at = string.find(tries, attempt, 1, true)
      if at then redis.call('HSET', s, 'tries', string.sub(tries, 1, at - 1) .. string.sub(tries, at + 8)) end
    end
  end
elseif attempt ~= '' and not todo.rev then
  return {'ok', now}
end

if todo.rev then
  local ends = todo.rev == 0 and now + limits.dialogue_ms or tonumber(redis.call('HGET', s, 'ends'))
  redis.call('HSET', s, 'rev', todo.rev + 1, 'body', ARGV[2], 'step', todo.step, 'limit', todo.tries,
    'over', todo.over, 'ends', string.format('%d', ends), 'kind', todo.kind)
  if todo.rev == 0 then
    redis.call('HSET', s, 'channel', todo.channel, 'who', todo.who, 'pair', pair, 'guard', guard, 'subject', subject, 'answered', '0',
      'tries', '', 'judged', '', 'prev', '')
  end
  if todo.prev then
    redis.call('HSET', s, 'prev', todo.prev, 'prev_answer', todo.answer, 'prev_at', string.format('%d', now),
      'tries', '', 'judged', '')
  end
  local keep = math.max(ends, now + limits.repeat_ms) + 60000 - now
  redis.call('PEXPIRE', s, string.format('%d', keep))
  redis.call('SET', p .. 'pair:' .. pair, todo.sid, 'PX', string.format('%d', keep))
  if todo.step ~= '' then redis.call('SET', p .. 'step:' .. todo.step, todo.sid, 'PX', string.format('%d', keep)) end
end

for i, job in ipairs(todo.post) do
  local sid = todo.sid
  if job.keep > 0 then
    -- It outlives the dialogue, so it rests by itself.
    sid = sid .. '-' .. job.id
    redis.call('HSET', p .. 'session:' .. sid, 'subject', subject)
    redis.call('PEXPIRE', p .. 'session:' .. sid, job.keep)
  end
  redis.call('HSET', p .. 'session:' .. sid, 'job:' .. job.id, ARGV[2 + i])
  redis.call('ZADD', p .. job.queue, string.format('%d', now + job.delay), sid .. ':' .. job.id)
end
if todo.wake then
  -- A new time takes the wake out of the hands that hold it: who brought us here must not finish it. It has not failed,
  -- so it begins to count its deliveries anew.
  redis.call('HDEL', s, 'worker:', 'delivery:')
  redis.call('ZADD', p .. todo.queue, string.format('%d', todo.wake), todo.sid .. ':')
end
if todo.show then
  local chat = p .. 'session:' .. todo.show
  redis.call('HSET', chat, 'subject', subject)
  for name, value in pairs(todo.chosen) do redis.call('HSET', chat, name, value) end
  redis.call('PEXPIRE', chat, 7776000000)
  if redis.call('HGET', chat, 'worker:show') then
    redis.call('HSET', chat, 'again:show', '1')
  else
    redis.call('ZADD', p .. 'shows', string.format('%d', now), todo.show .. ':show')
  end
end

if todo.token then
  local t = p .. 'token:' .. todo.token
  redis.call('HSET', t, 'body', ARGV[#ARGV], 'channel', todo.channel, 'subject', subject,
    'born', string.format('%d', now), 'used', '0', 'reads', '0', 'state', 'live')
  redis.call('PEXPIRE', t, limits.token_ms)
end
for _, entry in ipairs(todo.audit) do
  redis.call('XADD', p .. 'audit', '*', 'at', string.format('%d', now), 'event', entry[1], 'channel', todo.channel,
    'object', subject, 'fields', cjson.encode(entry[2]))
end
return {'ok', now}
