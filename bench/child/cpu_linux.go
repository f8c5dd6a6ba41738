package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit in which Linux tells processes' times.
const tick = 10 * time.Millisecond

// cpuTime returns what a process has used, with its children that live, and those
// that have ended and been waited for.
func cpuTime(pid int) time.Duration {
	_, total := processTime(pid)
	for _, c := range children(pid) {
		_, used := processTime(c)
		total += used
	}
	return total
}

// children returns a process's children that live.
func children(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var list []int
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, _ := processTime(child); parent == pid {
			list = append(list, child)
		}
	}
	return list
}

// processTime returns a process's parent and the time that it and its ended children
// have used, 0 for one that is gone.
func processTime(pid int) (parent int, used time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	return parseStat(text)
}

// parseStat reads a line of /proc/PID/stat, in which the name of the program, in
// parentheses, may hold anything.
func parseStat(line []byte) (parent int, used time.Duration) {
	const (
		parentField = 1 // counted behind the name
		firstTime   = 11
		lastTime    = 14
	)
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(fields) <= lastTime {
		return 0, 0
	}
	parent, _ = strconv.Atoi(string(fields[parentField])) // the kernel writes numbers
	for _, f := range fields[firstTime : lastTime+1] {
		ticks, _ := strconv.ParseInt(string(f), 10, 64)
		used += time.Duration(ticks) * tick
	}
	return parent, used
}
