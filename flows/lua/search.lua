-- search: one page of a client's dialogues and tokens, those that a newer dialogue has put aside included.
-- KEYS[1]  prefix of the shard   ARGV  1 cursor, "0" in the beginning   2 subject
-- returns  {next cursor, "0" in the end; keys}
local p = KEYS[1]
local page = redis.call('SCAN', ARGV[1], 'MATCH', p .. '*', 'COUNT', 1000)
local mine = {}
for _, key in ipairs(page[2]) do
  local kind = string.match(string.sub(key, #p + 1), '^%a+:')
  if (kind == 'session:' or kind == 'token:') and redis.call('HGET', key, 'subject') == ARGV[2] then
    mine[#mine + 1] = key
  end
end
return {page[1], mine}
