-- hold: the worker that has a wake writes down how far it is, and keeps the lease; or gives the finished wake back.
-- KEYS[1]  prefix of the shard   ARGV  1 sid   2 job   3 worker   4 lease in ms, 0: finished
--          5 sealed effect, "": as it was; of a finished one what stays behind   6 queue   7 "back": put back on purpose
-- returns  1, or 0 when the lease has gone to somebody else: then nothing more may be done
local p, s, job = KEYS[1], KEYS[1] .. 'session:' .. ARGV[1], ARGV[2]
if redis.call('HGET', s, 'worker:' .. job) ~= ARGV[3] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[4] == '0' then
  finish(p, ARGV[6], ARGV[1], job, now, ARGV[5])
else
  if ARGV[5] ~= '' then redis.call('HSET', s, 'job:' .. job, ARGV[5]) end
  -- Whoever puts it back lives: only what dies, or raises, counts as a delivery that failed.
  if ARGV[7] == 'back' then redis.call('HINCRBY', s, 'delivery:' .. job, -1) end
  redis.call('ZADD', p .. ARGV[6], string.format('%d', now + ARGV[4]), ARGV[1] .. ':' .. job)
end
return 1
