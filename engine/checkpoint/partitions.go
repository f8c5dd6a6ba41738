package checkpoint

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/history"
)

// wholePartitions is up to how many partitions the table of them is written anew
// with each checkpoint. A source of files may have thousands, of which one is read.
const wholePartitions = 64

// place names a partition.
type place struct {
	source    string
	partition int32
}

// places are partitions by what they are called.
type places map[place]Partition

// placesOf returns the partitions that a checkpoint has written, nil if they are few.
func placesOf(list []Partition) places {
	if len(list) <= wholePartitions {
		return nil
	}
	out := make(places, len(list))
	for _, p := range list {
		out[place{p.Source, p.Partition}] = p
	}
	return out
}

// partitionsSQL writes the partitions: all of them, or those that have changed.
func (s *Store) partitionsSQL(sql *strings.Builder, list []Partition) {
	if s.partitions == nil {
		sql.WriteString("DELETE FROM internal.partitions;\n")
		insertPartitions(sql, list)
		return
	}
	var changed []Partition
	outdated := make(map[string][]string) // by source: partitions
	there := make(map[place]bool, len(list))
	for _, p := range list {
		at := place{p.Source, p.Partition}
		there[at] = true
		before, known := s.partitions[at]
		if !known || before != p {
			changed = append(changed, p)
		}
		if known && before != p {
			outdated[p.Source] = append(outdated[p.Source], fmt.Sprint(p.Partition))
		}
	}
	for at := range s.partitions {
		if !there[at] {
			outdated[at.source] = append(outdated[at.source], fmt.Sprint(at.partition))
		}
	}
	for source, partitions := range outdated {
		fmt.Fprintf(sql, "DELETE FROM internal.partitions WHERE source = %s AND partition IN (%s);\n", history.Literal(source), strings.Join(partitions, ", "))
	}
	insertPartitions(sql, changed)
}

func insertPartitions(sql *strings.Builder, list []Partition) {
	if len(list) == 0 {
		return
	}
	tuples := make([]string, len(list))
	for i, p := range list {
		tuples[i] = fmt.Sprintf("(%s, %d, %d, %d, %s, %d, %d, %d, %d)", history.Literal(p.Source), p.Partition, p.Next,
			p.LeaderEpoch, history.Literal(p.TopicID), p.MaxMicros, p.Late, p.Rejected, p.Rows)
	}
	fmt.Fprintf(sql, "INSERT INTO internal.partitions VALUES %s;\n", strings.Join(tuples, ", "))
}
