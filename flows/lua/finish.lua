-- finish: a wake in hand is done with; stands before `move` and `hold`. An inbox goes on with its next message, and what
-- changed while it was being shown is shown again. `left` stays behind as the effect's body.
local function finish(p, queue, sid, job, now, left)
  local s, member = p .. 'session:' .. sid, sid .. ':' .. job
  local again = redis.call('HGET', s, 'again:' .. job)
  local body = job == 'in' and redis.call('LPOP', p .. 'inbox:' .. sid) or left
  redis.call('HDEL', s, 'worker:' .. job, 'delivery:' .. job, 'again:' .. job)
  if body == '' then redis.call('HDEL', s, 'job:' .. job) else redis.call('HSET', s, 'job:' .. job, body) end
  if again or (job == 'in' and body ~= '') then
    redis.call('ZADD', p .. queue, string.format('%d', now), member)
  else
    redis.call('ZREM', p .. queue, member)
  end
end
