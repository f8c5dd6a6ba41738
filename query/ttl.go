package query

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/parser"
)

// checkTTL says why the groups of a view can't have a TTL.
func (r relations) checkTTL(def *view.Definition, o parser.Option) error {
	e := &parser.Error{Code: CodeInvalidDefinition, Offset: o.Offset}
	_, canonical := find(r.sources, def.Source)
	switch all, some := r.closedWindows(def.Source); {
	case def.AppendOnly():
		e.Message = "option ttl ends groups, and a view without aggregation has none"
		e.Hint = "Say with the option retention how long its rows are kept."
	case def.Window != nil:
		e.Message = "option ttl ends groups, and those of a view with windows end with their window"
		e.Hint = "Leave ttl out. The option retention says how long closed windows are kept."
	case def.GroupingSets != nil:
		e.Message = "option ttl is not supported with GROUPING SETS, ROLLUP and CUBE: a row would expire in one set and count on in another"
		e.Hint = "Create one view for each set."
	case def.TTL == nil && canonical != "":
		e.Message = fmt.Sprintf("option ttl needs event times, and source %q has no watermark", def.Source)
		e.Hint = "Declare WATERMARK FOR column AS column - INTERVAL '5 seconds' in CREATE SOURCE."
	case def.TTL == nil:
		e.Message = fmt.Sprintf("option ttl needs event times, and view %q has no column with them", def.Source)
		e.Hint = "Have it select the column of the watermark as it is, or window_start, or for sessions window_end."
	case some && !all:
		e.Message = fmt.Sprintf("option ttl is not supported over view %q: closed windows and other rows come to it in no order of time", def.Source)
		e.Hint = "Create one view for each branch of its UNION ALL."
	default:
		return nil
	}
	return e
}

// overClosed reports whether every row under a name is a window that has closed,
// or comes from one.
func (r relations) overClosed(name string) bool {
	v := r.views[name]
	if v == nil || v.Plan.Window != nil {
		return v != nil
	}
	for i := range v.Plan.Union {
		if !r.overClosed(v.Plan.Union[i].Source) {
			return false
		}
	}
	return r.overClosed(v.Plan.Source)
}

// closedWindows reports whether all, and whether some, of the rows under a name
// are windows that have closed, or come from such.
func (r relations) closedWindows(name string) (all, some bool) {
	v := r.views[name]
	if v == nil || v.Plan.Window != nil {
		return v != nil, v != nil
	}
	all, some = r.closedWindows(v.Plan.Source)
	for i := range v.Plan.Union { // each branch is in time order, together they are not
		_, closed := r.closedWindows(v.Plan.Union[i].Source)
		all, some = false, some || closed
	}
	return all, some
}
