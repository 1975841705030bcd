-- Requests for wrk: a path whose markers are filled in anew for each request, or the same one again and again.
-- Arguments: the path with ENTITYMARK and LIMITMARK, the number of entities, the first number, "uncached" or "repeated",
-- and the media type that is asked for.

local pieces, entities, counter, fixed

function init(args)
  pieces = {}
  local rest = args[1]
  local before, after
  before, after = rest:match("^(.-)ENTITYMARK(.*)$")
  pieces[1] = before
  pieces[2], pieces[3] = after:match("^(.-)LIMITMARK(.*)$")
  entities = tonumber(args[2])
  counter = tonumber(args[3])
  wrk.headers["Accept"] = args[5]
  if args[4] == "repeated" then
    fixed = wrk.format("GET", pieces[1] .. "0" .. pieces[2] .. "1000000" .. pieces[3])
  end
end

function request()
  if fixed then
    return fixed
  end
  counter = counter + 1
  -- A prime step, so that neighbours in time are not neighbours in the store.
  local entity = (counter * 7919) % entities
  local path = pieces[1] .. string.format("%d", entity) .. pieces[2] .. string.format("%d", counter) .. pieces[3]
  return wrk.format("GET", path)
end

function done(summary, latency)
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    'wrk {"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, "p99": %d}\n',
    summary.requests, summary.duration, summary.errors.status, broken, latency:percentile(99)))
end
