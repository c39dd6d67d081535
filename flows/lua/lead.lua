-- lead: who of many processes has a role for now. Asked again, the time begins anew.
-- KEYS[1]  prefix of the hall   ARGV  1 role   2 name of the process   3 ms; 0: it stands down
-- returns  1 when the role is theirs
local key = KEYS[1] .. ARGV[1]
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return 0 end
if ARGV[3] == '0' then
  redis.call('DEL', key)
  return 0
end
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
return 1
