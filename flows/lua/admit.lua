-- admit: the channel's own limits and what is known of the house as a whole, before a call is looked at.
-- KEYS[1]  prefix of the hall (shard 00)
-- ARGV     1 channel   2 what: begin | answer | other   3 attempt id
--          4… of earlier answers what became of them: channel, attempt id, "wrong" or "", prefix of the phone whose code
--          was entered or ""
-- returns  {verdict, now, wait, open gateways…}; verdict: ok | limit | audit
local p, channel, what, attempt = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wrong, trying = p .. 'channel_wrong:' .. channel, p .. 'channel_trying:' .. channel

for i = 4, #ARGV, 4 do
  redis.call('ZREM', p .. 'channel_trying:' .. ARGV[i], ARGV[i + 1])
  if ARGV[i + 2] == 'wrong' then
    redis.call('ZADD', p .. 'channel_wrong:' .. ARGV[i], now, ARGV[i + 1])
    redis.call('PEXPIRE', p .. 'channel_wrong:' .. ARGV[i], 86400000)
  end
  local all = p .. 'prefix:' .. ARGV[i + 3]
  if ARGV[i + 3] ~= '' and redis.call('EXISTS', all) == 1 then redis.call('HINCRBY', all, 'entered', 1) end
end

if redis.call('EXISTS', p .. 'audit_stuck') == 1 then return {'audit', now, 5000} end

if what == 'answer' then
  -- Counted before it is compared, but apart: what is still being tried must not close the channel to new dialogues.
  redis.call('ZREMRANGEBYSCORE', wrong, '-inf', now - 86400000)
  redis.call('ZREMRANGEBYSCORE', trying, '-inf', now - 60000)
  if redis.call('ZCARD', wrong) + redis.call('ZCARD', trying) >= limits.channel_wrong_day then
    local first = redis.call('ZRANGE', wrong, 0, 0, 'WITHSCORES')
    return {'limit', now, math.max(1000, (first[2] or now) + 86400000 - now), 'channel_wrong_day'}
  end
  redis.call('ZADD', trying, now, attempt)
  redis.call('PEXPIRE', trying, 60000)
elseif what == 'begin' then
  if redis.call('ZCOUNT', wrong, now - 600000, '+inf') >= limits.channel_wrong_10min then
    return {'limit', now, 60000, 'channel_wrong_10min'}
  end
  -- GCRA: one key that holds the theoretical arrival time; the burst is how far it may run ahead of now.
  local gap = 60000 / limits.begins_minute
  local key = p .. 'channel_begins:' .. channel
  local arrival = math.max(tonumber(redis.call('GET', key) or 0), now)
  local wait = arrival + gap - (now + gap * limits.begins_burst)
  if wait > 0 then return {'limit', now, math.ceil(wait), 'channel_begins'} end
  local hour = p .. 'channel_hour:' .. channel
  if tonumber(redis.call('GET', hour) or 0) >= limits.begins_hour then
    return {'limit', now, math.max(1000, redis.call('PTTL', hour)), 'channel_hour'}
  end
  redis.call('SET', key, string.format('%.3f', arrival + gap), 'PX', string.format('%d', arrival + gap - now + 1000))
  if redis.call('INCR', hour) == 1 then redis.call('PEXPIRE', hour, 3600000) end
end

local answer = {'ok', now, 0}
local gateways = redis.call('HGETALL', p .. 'gateways')
for i = 1, #gateways, 2 do
  if tonumber(gateways[i + 1]) > now then answer[#answer + 1] = gateways[i] end
end
return answer
