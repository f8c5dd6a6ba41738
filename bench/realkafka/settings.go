package realkafka

import (
	"fmt"
	"os"
	"strings"
)

// serverProperties are a broker that is its own controller. The %[1]s are the
// clients' address, the %[2]s the controller's, %[3]s the data directory. The
// session is short because a broker that was killed comes back only when the
// session of its former self has ended.
const serverProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=%[3]s
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`

const log4jProperties = `status=error
rootLogger.level=warn
rootLogger.appenderRef.s.ref=S
appender.s.type=Console
appender.s.name=S
appender.s.layout.type=PatternLayout
appender.s.layout.pattern=%d{HH:mm:ss,SSS} %p %c{1}: %m%n
`

// writeSettings writes the files that the broker reads when it starts.
func (b *Broker) writeSettings(clientPort, controllerPort int) error {
	// A properties file takes a backslash for an escape.
	data := strings.ReplaceAll(b.path("data"), `\`, `\\`)
	files := map[string]string{
		"server.properties": fmt.Sprintf(serverProperties, loopback(clientPort), loopback(controllerPort), data),
		"log4j2.properties": log4jProperties,
	}
	for name, text := range files {
		if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the broker's settings: %w", err)
		}
	}
	return nil
}
