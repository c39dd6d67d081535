-- hold: the worker that has a wake writes down how far it is, and keeps the lease; or gives the finished wake back.
-- KEYS[1]  prefix of the shard   ARGV  1 sid   2 job   3 worker   4 lease in ms, 0: finished   5 sealed effect, "": as it was
-- returns  1, or 0 when the lease has gone to somebody else: then nothing more may be done
local p, s, job = KEYS[1], KEYS[1] .. 'session:' .. ARGV[1], ARGV[2]
if redis.call('HGET', s, 'worker:' .. job) ~= ARGV[3] then return 0 end
local member = ARGV[1] .. ':' .. job
if ARGV[4] == '0' then
  redis.call('HDEL', s, 'worker:' .. job, 'job:' .. job, 'delivery:' .. job)
  redis.call('ZREM', p .. 'wakes', member)
else
  local time = redis.call('TIME')
  if ARGV[5] ~= '' then redis.call('HSET', s, 'job:' .. job, ARGV[5]) end
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', p .. 'wakes', string.format('%d', now + ARGV[4]), member)
end
return 1
