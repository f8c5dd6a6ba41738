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
	Name      string   // of its folder
	Main      string   // a script, or a Java class
	Java      []string // options of the virtual machine
	Libraries []string // whose versions count
}

// The programs.
var (
	Spark        = Program{Name: "spark", Main: "spark.py", Libraries: []string{"pyspark"}}
	Flink        = Program{Name: "flink", Main: "FlinkPeer", Java: flinkOptions, Libraries: []string{"flink-table-runtime", "flink-sql-connector-kafka"}}
	KafkaStreams = Program{Name: "kafkastreams", Main: "StreamsPeer", Java: []string{"-Xmx4g"}, Libraries: []string{"kafka-streams"}}
	Pathway      = Program{Name: "pathway", Main: "pathway_peer.py", Libraries: []string{"pathway"}}
	Bytewax      = Program{Name: "bytewax", Main: "bytewax_peer.py", Libraries: []string{"bytewax"}}
	Loop         = Program{Name: "loop", Main: "loop.py", Libraries: []string{"confluent_kafka", "duckdb"}}
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
