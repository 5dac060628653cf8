-- what a Lua program does: numbers, strings, tables, closures, errors, coroutines
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print("fib", fib(20))
print(string.format("%.3f %g %e %5.1f %a %d", math.pi, 1e100, 2^0.5, 1/3, 0.1, 42))
print(math.sin(1), math.exp(1), math.log(10), 2^53, 10 // 3, -7 % 3, 1/0, -(0/0) ~= 0/0)
print(tostring(1e15), 1e16, 0.1 + 0.2, 3.0)
local t = {5, 2, 9, 1, 7}
table.sort(t, function(a, b) return a > b end)
print(table.concat(t, " "))
local function counter() local n = 0 return function() n = n + 1 return n end end
local c = counter() c() print("closure", c())
print(pcall(error, {code = 1}) , select(2, pcall(error, "message", 0)))
print(pcall(function() local x = nil; return x.field end))
local co = coroutine.wrap(function(a) for i = 1, 3 do a = coroutine.yield(a * i) end return "done" end)
print(co(10), co(1), co(2), co(3))
print(("hello world"):gsub("o", "0"), ("x=1,y=2"):match("y=(%d)"))
print(tonumber("0x1p4"), tonumber("1e-2"), math.tointeger(3.0), #arg)
collectgarbage() io.write("written\n")
