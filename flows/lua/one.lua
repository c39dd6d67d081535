-- one: a single command on a single key, for what needs no more.
-- KEYS[1]  prefix of the shard   ARGV  1 command   2 key   3… arguments
return redis.call(ARGV[1], KEYS[1] .. ARGV[2], unpack(ARGV, 3))
