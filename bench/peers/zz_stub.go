package main

import "context"

func (s *session) measureQueries(context.Context) error { return nil }
func (s *session) measureRestart(context.Context) error { return nil }
func (s *session) measureStartUp(context.Context) error { return nil }
func (s *session) measureSize(context.Context) error    { return nil }
