-- gateway: what a sender learnt of one gateway. After enough failures in a row it counts as down for a while.
-- KEYS[1]  prefix of the hall   ARGV  1 gateway   2 "up" or "down"
local p, name = KEYS[1], ARGV[1]
local row = p .. 'gateway_row:' .. name
if ARGV[2] == 'up' then
  redis.call('DEL', row)
  redis.call('HDEL', p .. 'gateways', name)
  return 0
end
local failures = redis.call('INCR', row)
redis.call('PEXPIRE', row, 60000)
if failures >= limits.breaker_failures then
  local time = redis.call('TIME')
  redis.call('HSET', p .. 'gateways', name, string.format('%d', time[1] * 1000 + limits.breaker_ms))
  redis.call('PEXPIRE', p .. 'gateways', 600000)
end
return failures
