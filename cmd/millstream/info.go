package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// runCheckConfig prints the configuration that serve would run with.
func runCheckConfig(_ context.Context, inv invocation) error {
	cfg := defaultConfig()
	settings := cfg.settings()
	warnings, err := loadConfig("check-config", settings, cfg.Validate, inv)
	for _, w := range warnings {
		fmt.Fprintf(inv.stderr, "warning: %s\n", w)
	}
	if err != nil {
		return err
	}
	cfg.shareMemory()
	if err := writeSettings(inv.stdout, settings); err != nil {
		return err
	}
	fmt.Fprintln(inv.stdout, "# ok")
	return nil
}

// runVersion prints what this binary is made of.
func runVersion(_ context.Context, inv invocation) error {
	if len(inv.args) > 0 {
		fmt.Fprintln(inv.stderr, "usage: millstream version")
		return errUsage
	}
	version, commit := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, commit = buildVersion(info)
	}
	fmt.Fprintf(inv.stdout, "millstream %s\ncommit     %s\n", version, commit)
	if v := duckDBVersion(); v != "" {
		fmt.Fprintf(inv.stdout, "duckdb     %s\n", v)
	}
	fmt.Fprintf(inv.stdout, "go         %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// buildVersion returns the module's version and the commit it was built from.
func buildVersion(info *debug.BuildInfo) (version, commit string) {
	version, commit = info.Main.Version, "unknown"
	if version == "" {
		version = "(devel)"
	}
	vcs := func(key string) string {
		i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == key })
		if i < 0 {
			return ""
		}
		return info.Settings[i].Value
	}
	if revision := vcs("vcs.revision"); revision != "" {
		commit = revision
		if vcs("vcs.modified") == "true" {
			commit += " with changes"
		}
	}
	return version, commit
}

// versionNumber is the version that server_version carries.
func versionNumber() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	version, _ := buildVersion(info)
	return strings.Trim(version, "()")
}
