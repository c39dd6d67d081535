-- hear: a message from a chat, once. It waits behind those of the same chat that came before it.
-- KEYS[1]  prefix of the shard
-- ARGV     1 chat   2 id of the update   3 sealed message   4 language, "" when it has not been chosen now
-- returns  "stored", "known" (told twice) or "full" (too many wait: this one is dropped)
local p, chat = KEYS[1], ARGV[1]
local s, inbox = p .. 'session:' .. chat, p .. 'inbox:' .. chat
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not redis.call('SET', p .. 'update:' .. ARGV[2], '1', 'NX', 'PX', 86400000) then return 'known' end
if redis.call('LLEN', inbox) >= limits.inbox then return 'full' end
redis.call('HSET', s, 'subject', chat)
redis.call('PEXPIRE', s, 7776000000)
if redis.call('HEXISTS', s, 'job:in') == 1 then
  redis.call('RPUSH', inbox, ARGV[3])
  redis.call('PEXPIRE', inbox, 86400000)
else
  redis.call('HSET', s, 'job:in', ARGV[3])
  redis.call('ZADD', p .. 'talks', string.format('%d', now), chat .. ':in')
end
return 'stored'
