package programs

import (
	"embed"
	"errors"
)

// ErrMissing is returned when a program cannot be installed on this machine.
var ErrMissing = errors.New("cannot be installed")

// sources are the programs' folders.
//
//go:embed */*.py */*.java */*.txt */*.xml
var sources embed.FS

// Program is one program.
type Program struct {
	Name string   // of its folder
	Main string   // a script, or a Java class
	Java []string // options of the virtual machine
}

// The programs.
var (
	Spark = Program{Name: "spark", Main: "spark.py"}
	Flink = Program{Name: "flink", Main: "FlinkPeer", Java: flinkOptions}
	// KafkaStreams keeps its state in RocksDB, as it does by default.
	KafkaStreams = Program{Name: "kafkastreams", Main: "StreamsPeer", Java: []string{"-Xmx4g"}}
	Pathway      = Program{Name: "pathway", Main: "pathway_peer.py"}
	Bytewax      = Program{Name: "bytewax", Main: "bytewax_peer.py"}
	Loop         = Program{Name: "loop", Main: "loop.py"}
)

// flinkOptions are those that Flink's own start scripts give Java 17.
var flinkOptions = []string{
	"-Xmx4g",
	"--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.util=ALL-UNNAMED",
	"--add-opens=java.base/java.util.concurrent=ALL-UNNAMED", "--add-opens=java.base/java.time=ALL-UNNAMED",
	"--add-opens=java.base/java.net=ALL-UNNAMED", "--add-opens=java.base/java.io=ALL-UNNAMED",
	"--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/java.text=ALL-UNNAMED",
	"--add-opens=java.base/java.lang.reflect=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
	"--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
}
