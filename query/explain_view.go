package query

import (
	"context"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/outline"
	"github.com/millstream-db/millstream/query/parser"
)

// prepareExplainView answers EXPLAIN of a view with a drawing of its stages.
func (s *Session) prepareExplainView(st *Statement, t *parser.ExplainView) error {
	return s.textStatement(st, []string{"QUERY PLAN"}, func(ctx context.Context) ([][]string, error) {
		lines, err := s.explainView(ctx, st.SQL, t)
		rows := make([][]string, len(lines))
		for i, line := range lines {
			rows[i] = []string{line}
		}
		return rows, err
	})
}

func (s *Session) explainView(ctx context.Context, sql string, t *parser.ExplainView) ([]string, error) {
	if t.Create != nil {
		def, err := s.viewDefinition(ctx, t.Create, sql)
		if err != nil {
			return nil, err
		}
		return s.db.outline(def, nil), nil
	}
	if _, _, err := s.db.object(parser.MaterializedView, t.Name, false); err != nil {
		return nil, err
	}
	def := s.db.engine.Views()[t.Name.Name]
	if def == nil {
		return nil, missing(parser.MaterializedView, t.Name)
	}
	if !t.Analyze {
		return s.db.outline(&def.Plan, nil), nil
	}
	if err := s.rights.Have(catalog.Select, t.Name.Name); err != nil {
		return nil, err
	}
	r, own, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	if own {
		defer r.Close()
	}
	stats, ok := r.View(t.Name.Name)
	if !ok {
		return nil, missing(parser.MaterializedView, t.Name)
	}
	figures := &outline.Figures{View: stats}
	if figures.Out, err = history.Count(ctx, r.Conn(), "live.public."+history.Quote(t.Name.Name)); err != nil {
		return nil, err
	}
	return s.db.outline(&def.Plan, figures), nil
}

func (db *DB) outline(def *view.Definition, f *outline.Figures) []string {
	sources := db.engine.Sources()
	return outline.View(def, func(name string) *catalog.SourceDefinition { return sources[name] }, f)
}
