-- release: an answer that was right, or was never evaluated, is taken off the channel's count of wrong ones.
-- KEYS[1]  prefix of the hall   ARGV  1 channel   2 attempt id   3 prefix of a phone whose code was entered, or ""
redis.call('ZREM', KEYS[1] .. 'channel_wrong:' .. ARGV[1], ARGV[2])
local key = KEYS[1] .. 'prefix:' .. ARGV[3]
if ARGV[3] ~= '' and redis.call('EXISTS', key) == 1 then redis.call('HINCRBY', key, 'entered', 1) end
return 1
