-- lease: take the shard's due wakes for a while. A worker that dies lets the lease run out, and another takes over.
-- KEYS[1]  prefix of the shard   ARGV  1 worker   2 lease in ms   3 how many at most
-- returns  {now, {sid, job, sealed effect or "", delivery number}, …}
local p, worker, lease = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {now}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', p .. 'wakes', '-inf', now, 'LIMIT', 0, ARGV[3])) do
  local sid, job = string.match(member, '^([^:]+):(.*)$')
  local s = p .. 'session:' .. sid
  if redis.call('EXISTS', s) == 0 then
    redis.call('ZREM', p .. 'wakes', member)
  else
    redis.call('ZADD', p .. 'wakes', string.format('%d', now + lease), member)
    redis.call('HSET', s, 'worker:' .. job, worker)
    local nth = redis.call('HINCRBY', s, 'delivery:' .. job, 1)
    answer[#answer + 1] = {sid, job, redis.call('HGET', s, 'job:' .. job) or '', nth}
  end
end
return answer
