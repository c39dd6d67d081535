-- unlock: an operator has seen who it is; wrong answers of a client are forgotten, with the locks they led to.
-- KEYS[1]  prefix of the shard   ARGV  1 subject   2 channel of the audit entry   3… pairs
local p, subject = KEYS[1], ARGV[1]
local time = redis.call('TIME')
redis.call('DEL', p .. 'wrong:' .. subject, p .. 'row:' .. subject)
for i = 3, #ARGV do redis.call('DEL', p .. 'wrong:' .. ARGV[i], p .. 'lock:' .. ARGV[i]) end
redis.call('XADD', p .. 'audit', '*', 'at', string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)),
  'event', 'client_unlocked', 'channel', ARGV[2], 'object', subject, 'fields', '{}')
return 1
