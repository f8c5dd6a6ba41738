package checkpoint

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/receipt"
	"github.com/millstream-db/millstream/engine/view"
)

// Image is what the last checkpoint left, all but the views' states, which are
// read with LoadState once the views exist.
type Image struct {
	Epoch      uint64
	Catalog    int64    // as Write has it
	Roles      []byte   // nil: none were ever made
	Objects    []Object // in the order of their creation
	Partitions []Partition
	Counters   []Counter
	Receipts   map[string][]receipt.Receipt // by source, in the order of their numbers
}

// Load reads the last checkpoint. tables names the history tables that each
// object has.
func (s *Store) Load(ctx context.Context, tables func(o *Object) ([]history.Table, error)) (*Image, error) {
	im := &Image{}
	epoch, err := s.number(ctx, "SELECT max(epoch) FROM internal.epoch")
	if err != nil {
		return nil, err
	}
	im.Epoch = uint64(epoch)
	if im.Catalog, err = s.number(ctx, "SELECT max(catalog) FROM internal.epoch"); err != nil {
		return nil, err
	}
	err = s.conn.Each(ctx, "SELECT definition FROM internal.roles", func(scan func(...any) error) error { return scan(&im.Roles) })
	if err != nil {
		return nil, fmt.Errorf("read the roles: %w", err)
	}
	if err := s.loadObjects(ctx, im); err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	for i := range im.Objects {
		list, err := tables(&im.Objects[i])
		if err != nil {
			return nil, fmt.Errorf("read the catalog: %s: %w", im.Objects[i].Name, err)
		}
		for j := range list {
			s.tables[list[j].Name] = &list[j]
		}
	}
	if err := s.loadCounters(ctx, im); err != nil {
		return nil, fmt.Errorf("read offsets: %w", err)
	}
	if err := s.loadReceipts(ctx, im); err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	if err := s.loadTables(ctx); err != nil {
		return nil, fmt.Errorf("read the list of segments: %w", err)
	}
	return im, nil
}

func (s *Store) loadObjects(ctx context.Context, im *Image) error {
	return s.conn.Each(ctx, "SELECT name, kind, sql, definition, epoch_us(created) FROM internal.objects ORDER BY ordinal",
		func(scan func(...any) error) error {
			var o Object
			var created int64
			err := scan(&o.Name, &o.Kind, &o.SQL, &o.Definition, &created)
			o.Created = time.UnixMicro(created)
			im.Objects = append(im.Objects, o)
			s.objects[o.Name] = true
			return err
		})
}

func (s *Store) loadCounters(ctx context.Context, im *Image) error {
	err := s.conn.Each(ctx, "SELECT source, partition, next_offset, leader_epoch, topic_id, max_micros, late, rejected, rows FROM internal.partitions ORDER BY ALL",
		func(scan func(...any) error) error {
			var p Partition
			var id, leader int64
			err := scan(&p.Source, &id, &p.Next, &leader, &p.TopicID, &p.MaxMicros, &p.Late, &p.Rejected, &p.Rows)
			p.Partition, p.LeaderEpoch = int32(id), int32(leader)
			im.Partitions = append(im.Partitions, p)
			return err
		})
	if err != nil {
		return err
	}
	return s.conn.Each(ctx, "SELECT object, name, value FROM internal.counters", func(scan func(...any) error) error {
		var c Counter
		err := scan(&c.Object, &c.Name, &c.Value)
		im.Counters = append(im.Counters, c)
		return err
	})
}

func (s *Store) loadTables(ctx context.Context) error {
	if err := s.unstageAll(ctx); err != nil {
		return err
	}
	err := s.conn.Each(ctx, `SELECT "table", number, epoch_us(created), epoch_us(last), rows FROM internal.segments ORDER BY "table", number`,
		func(scan func(...any) error) error {
			var g history.Segment
			var created, last int64
			err := scan(&g.Table, &g.Number, &created, &last, &g.Rows)
			g.Created, g.Last = time.UnixMicro(created), time.UnixMicro(last)
			s.segments[g.Table] = append(s.segments[g.Table], g)
			return err
		})
	if err != nil {
		return err
	}
	return s.conn.Each(ctx, "SELECT view, generation, rows FROM internal.states", func(scan func(...any) error) error {
		var name string
		g := &generation{}
		err := scan(&name, &g.number, &g.rows)
		s.generation[name] = g
		return err
	})
}

// LoadState reads a view's open windows back into it.
func (s *Store) LoadState(ctx context.Context, name string, v *view.View, watermark int64, mem *batch.Allocator) error {
	g := s.generation[name]
	if g == nil || g.number == 0 {
		return nil
	}
	err := s.records(ctx, "SELECT * FROM "+stateTable(name, g.number, "")+" ORDER BY rowid", v.StateSchema(), mem,
		func(rec arrow.RecordBatch) error { return v.Load(rec, watermark) })
	if err == nil {
		err = s.records(ctx, "SELECT * FROM "+stateTable(name, g.number, detailSuffix)+" ORDER BY rowid", view.DetailSchema(), mem,
			func(rec arrow.RecordBatch) error { v.LoadDetails(rec, watermark); return nil })
	}
	if err != nil {
		return fmt.Errorf("restore view %s: %w", name, err)
	}
	v.Loaded()
	return nil
}

// recordRows is how many rows records collects before it calls back.
const recordRows = 65536

// records runs a query and calls f with its rows in record batches, in order.
func (s *Store) records(ctx context.Context, sql string, schema *batch.Schema, mem *batch.Allocator, f func(arrow.RecordBatch) error) error {
	rows, err := s.conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Records(schema, mem, recordRows, f)
}

// Scan reads a table of the file in record batches. The schema's columns are
// selected by name.
func (s *Store) Scan(ctx context.Context, table string, schema *batch.Schema, mem *batch.Allocator, f func(arrow.RecordBatch) error) error {
	return s.records(ctx, "SELECT "+history.Columns(schema.Columns)+" FROM "+table, schema, mem, f)
}

// Has reports whether the last commit left an object of that name.
func (s *Store) Has(name string) bool { return s.objects[name] }

// Counter returns an object's counter of a name, and whether there is one.
func (im *Image) Counter(object, name string) (value int64, ok bool) {
	for _, c := range im.Counters {
		if c.Object == object && c.Name == name {
			return c.Value, true
		}
	}
	return 0, false
}
