module github.com/wattlaw/wattlaw

go 1.26.0
