-- permit: may one more message go to this phone? Asked by the sender, off the path of the answer (security.md §7 #10, #12).
-- KEYS[1]  prefix of the hall
-- ARGV     1 send id   2 fingerprint of the phone   3 fingerprint of its prefix   4 guard: the client in a channel
-- returns  "ok" or the layer that says no
local p, id, phone, prefix = KEYS[1], ARGV[1], KEYS[1] .. 'phone:' .. ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local recent, all, today = p .. 'prefix_sends:' .. prefix, p .. 'prefix:' .. prefix, p .. 'sends_today'
if redis.call('ZSCORE', phone, id) then return 'ok' end

redis.call('ZREMRANGEBYSCORE', phone, '-inf', now - 86400000)
if redis.call('ZCARD', phone) >= limits.phone_sends_day then return 'phone' end
local client = p .. 'client_sends:' .. ARGV[4]
redis.call('ZREMRANGEBYSCORE', client, '-inf', now - 86400000)
if redis.call('ZCARD', client) >= limits.sends_day then return 'client' end
if redis.call('ZCOUNT', client, now - 3600000, '+inf') >= limits.sends_hour then return 'client' end
redis.call('ZREMRANGEBYSCORE', recent, '-inf', now - 600000)
if redis.call('ZCARD', recent) >= limits.prefix_sends_10min then return 'prefix' end
local counts = redis.call('HMGET', all, 'sent', 'entered')
local sent, entered = tonumber(counts[1] or 0), tonumber(counts[2] or 0)
if sent >= limits.prefix_sample and entered < sent * limits.prefix_entered then return 'prefix_entered' end
if tonumber(redis.call('GET', today) or 0) >= limits.sends_budget_day then return 'budget' end

redis.call('ZADD', client, now, id)
redis.call('PEXPIRE', client, 86400000)
redis.call('ZADD', phone, now, id)
redis.call('PEXPIRE', phone, 86400000)
redis.call('ZADD', recent, now, id)
redis.call('PEXPIRE', recent, 600000)
redis.call('HINCRBY', all, 'sent', 1)
redis.call('PEXPIRE', all, 86400000)
if redis.call('INCR', today) == 1 then redis.call('PEXPIRE', today, 86400000) end
return 'ok'
