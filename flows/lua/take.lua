-- take: find a dialogue, check every gate, and count the attempt before anybody compares it.
-- KEYS[1]  prefix of the shard, "shinos:1:{NN}:"; every key is built from it, so all share one slot
-- ARGV     1 how: step | pair | sid | chat | view   2 that step id, pair, sid or chat   3 channel   4 fingerprints of the
--          given names
--          5 attempt id, "" when nothing is answered   6 fingerprint of the answer   7 subject (pair)   8 guard (pair)
-- pair     whose dialogue it is: the client in a channel, or in one that hides who is a client, the name asked for
-- guard    the client in a channel: wrong answers and the lock   subject  the client over all channels
-- returns  {verdict, now, sid, rev, body, step, nth, tries, wait, pair, subject, guard}; nth of a pair: ms that it is locked
local p, how, ref, channel, who = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local attempt, answer = ARGV[5], ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function locked(guard, subject, kind)
  local left = redis.call('PTTL', p .. 'lock:' .. guard)
  if left > 0 then return left end
  redis.call('ZREMRANGEBYSCORE', p .. 'wrong:' .. subject, '-inf', now - 86400000)
  if redis.call('ZCARD', p .. 'wrong:' .. subject) >= limits.client_wrong then
    local first = redis.call('ZRANGE', p .. 'wrong:' .. subject, 0, 0, 'WITHSCORES')
    return math.max(1000, first[2] + 86400000 - now)
  end
  local row = kind and redis.call('HGET', p .. 'row:' .. subject, kind)
  if tonumber(row or 0) >= limits.client_consecutive then return 86400000 end
  return 0
end

-- How long until the next send to this client in this channel is allowed: 0 means now.
local function send_wait(pair)
  local sends = redis.call('ZRANGEBYSCORE', p .. 'sends:' .. pair, now - 86400000, '+inf', 'WITHSCORES')
  local count = #sends / 2
  if count == 0 then return 0 end
  local pauses = limits.send_pauses
  local free = sends[#sends] + pauses[math.min(count, #pauses)] * 1000
  if count >= limits.sends_hour then free = math.max(free, sends[#sends - 2 * limits.sends_hour + 2] + 3600000) end
  if count >= limits.sends_day then free = math.max(free, sends[#sends - 2 * limits.sends_day + 2] + 86400000) end
  return math.max(0, free - now)
end

local function named(names)
  for name in string.gmatch(who, '%S+') do
    if string.find(names, name, 1, true) then return true end
  end
  return false
end

local sid = ref
if how == 'step' then sid = redis.call('GET', p .. 'step:' .. ref) end
if how == 'pair' or how == 'chat' or how == 'view' then sid = redis.call('GET', p .. 'pair:' .. ref) end
-- What is not there is looked up all the same: an unknown step takes as long as a known one.
local s = p .. 'session:' .. (sid or 'nobody')
local h = redis.call('HMGET', s, 'rev', 'body', 'channel', 'who', 'step', 'prev', 'prev_answer', 'prev_at',
  'tries', 'limit', 'over', 'ends', 'pair', 'subject', 'answered', 'guard', 'kind')
local live = h[1] and (now < tonumber(h[12]) or h[11] == 'done')

if (how == 'chat' and not (live and h[11] == '0')) or (how == 'view' and not h[1]) then
  return {'none', now, sid or '', 0, '', '', 0, 0, 0, ref, ARGV[7], ARGV[8]}
end
if how == 'pair' then
  local left = locked(ARGV[8], ARGV[7])
  if live and h[11] == '0' and h[15] == '0' then
    -- Asked for under another of its names: the step is given for that one too.
    if not named(h[4]) then redis.call('HSET', s, 'who', h[4] .. ' ' .. who) end
    return {'live', now, sid, tonumber(h[1]), h[2], h[5], left, 0, send_wait(ref), ref, ARGV[7], ARGV[8]}
  end
  return {'none', now, sid or '', 0, '', '', left, 0, 0, ref, ARGV[7], ARGV[8]}
end

local newest = redis.call('GET', p .. 'pair:' .. (h[13] or 'nobody'))
if not live and how ~= 'view' then return {'unknown', now} end
local found = {'ok', now, sid, tonumber(h[1]), h[2], h[5], 0, tonumber(h[10]), 0, h[13], h[14], h[16]}

local pair, subject, guard = h[13], h[14], h[16]
if newest ~= sid then return {'unknown', now} end
if how == 'sid' or how == 'view' then return found end
if how == 'chat' then ref = h[5] end
local foreign = how ~= 'chat' and (h[3] ~= channel or not named(h[4]))
local tries, limit = h[9], tonumber(h[10])
local count = #tries / 8

if ref ~= h[5] then
  if foreign or ref ~= h[6] or now - h[8] > limits.repeat_ms then return {'unknown', now} end
  -- Without an answer of its own it was passed by what came from elsewhere: then any answer to it comes late.
  if h[7] == '' or answer == h[7] or (h[11] == 'done' and attempt == '') then
    redis.call('ZREM', p .. 'wrong:' .. guard, attempt)
    redis.call('ZREM', p .. 'wrong:' .. subject, attempt)
    if redis.call('GET', p .. 'lock:' .. guard) == attempt then redis.call('DEL', p .. 'lock:' .. guard) end
    found[1] = 'repeat'
    return found
  end
  return {'unknown', now}
end
if h[11] == 'stopped' then return {'spent', now} end
if h[11] == 'ended' then return {'unknown', now} end

if foreign then
  if attempt ~= '' and limit > 0 and count < limit then redis.call('HSET', s, 'tries', tries .. attempt) end
  return {'foreign', now}
end
if attempt == '' then
  local left = locked(guard, subject, h[17])
  if left > 0 then return {'locked', now, sid, 0, '', '', 0, 0, left, pair, subject, guard} end
  found[9] = send_wait(pair)
  return found
end

if not string.find(tries, attempt, 1, true) then
  local left = locked(guard, subject, h[17])
  if left > 0 then return {'locked', now, sid, 0, '', '', 0, 0, left, pair, subject, guard} end
  if limit > 0 then
    if count >= limit then return {'spent', now} end
    tries = tries .. attempt
    for _, key in ipairs({p .. 'wrong:' .. guard, p .. 'wrong:' .. subject}) do
      redis.call('ZREMRANGEBYSCORE', key, '-inf', now - 86400000)
      redis.call('ZADD', key, now, attempt)
      redis.call('PEXPIRE', key, 86400000)
    end
    local wrong = redis.call('ZCARD', p .. 'wrong:' .. guard)
    if wrong >= limits.pair_wrong then
      local length = math.min(limits.lock_ms * 2 ^ (wrong - limits.pair_wrong), 86400000)
      redis.call('SET', p .. 'lock:' .. guard, attempt, 'PX', string.format('%d', length))
    end
  end
  redis.call('HSET', s, 'tries', tries, 'answered', '1')
end
found[7] = (string.find(tries, attempt, 1, true) or 1) / 8
found[7] = math.ceil(found[7])
return found
