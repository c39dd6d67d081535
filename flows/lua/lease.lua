-- lease: take the shard's due wakes for a while. A worker that dies lets the lease run out, and another takes over.
-- KEYS[1]  prefix of the shard
-- ARGV     1 id of this lease   2 lease in ms   3 how many at most   4 id of a lease whose answer never came, or ""   5 queue
-- returns  {now, {sid, job, sealed effect or "", delivery number}, …}
local p, worker, lease, queue = KEYS[1], ARGV[1], tonumber(ARGV[2]), KEYS[1] .. ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {now}
local due = redis.call('ZRANGEBYSCORE', queue, '-inf', now, 'LIMIT', 0, ARGV[3])
-- Run again after its answer was lost, or told of a lease that was: those wakes are in nobody's hands.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', queue, '(' .. now, now + lease, 'LIMIT', 0, 256)) do
  local sid, job = string.match(member, '^([^:]+):(.*)$')
  local holder = redis.call('HGET', p .. 'session:' .. sid, 'worker:' .. job)
  if holder and (holder == worker or holder == ARGV[4]) then
    redis.call('HINCRBY', p .. 'session:' .. sid, 'delivery:' .. job, -1)
    due[#due + 1] = member
  end
end
for _, member in ipairs(due) do
  local sid, job = string.match(member, '^([^:]+):(.*)$')
  local s = p .. 'session:' .. sid
  if redis.call('EXISTS', s) == 0 then
    redis.call('ZREM', queue, member)
  else
    redis.call('ZADD', queue, string.format('%d', now + lease), member)
    redis.call('HSET', s, 'worker:' .. job, worker)
    local nth = redis.call('HINCRBY', s, 'delivery:' .. job, 1)
    answer[#answer + 1] = {sid, job, redis.call('HGET', s, 'job:' .. job) or '', nth}
  end
end
return answer
