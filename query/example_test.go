package query_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/query"
)

// A database inside a Go program, without listeners and without Kafka.
func Example() {
	ctx := context.Background()
	db, err := query.Open(ctx, "", query.Options{}) // "" keeps everything in memory
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close(ctx)
	for _, sql := range []string{
		`CREATE SOURCE clicks (page VARCHAR, ts TIMESTAMPTZ, WATERMARK FOR ts AS ts - INTERVAL '5 seconds')`,
		`CREATE MATERIALIZED VIEW clicks_per_minute AS SELECT window_start, page, count(*) AS clicks
		 FROM TUMBLE(clicks, ts, INTERVAL '1 minute') GROUP BY window_start, page`,
	} {
		if err := db.Exec(ctx, sql); err != nil {
			log.Fatal(err)
		}
	}
	rows, _ := db.NewRows("clicks")
	for i := range 100 {
		rows.Column(0).AppendString([]string{"home", "cart"}[i%2])
		rows.Column(1).AppendInt64(int64(i) * 1e6) // microseconds
	}
	rec := rows.Finish()
	defer rec.Release()
	if err := db.AppendRecord(ctx, "clicks", rec); err != nil {
		log.Fatal(err)
	}
	result, err := db.Query(ctx, "SELECT page, sum(clicks)::BIGINT AS n FROM clicks_per_minute GROUP BY page ORDER BY page")
	if err != nil {
		log.Fatal(err)
	}
	defer result.Close()
	for {
		batch, err := result.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		for i := range int(batch.NumRows()) {
			fmt.Println(batch.Column(0).(*array.String).Value(i), batch.Column(1).(*array.Int64).Value(i))
		}
	}
	// Output:
	// cart 50
	// home 50
}
