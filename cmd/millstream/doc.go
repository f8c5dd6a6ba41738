// Command millstream runs the Millstream database.
//
//	millstream serve         run the database
//	millstream demo          run it with a Kafka broker and a live stream beside it
//	millstream sql           run SQL on a running database
//	millstream check-config  check the configuration and print it
//	millstream version       print versions
//
// main.go dispatches, config.go reads the settings from a file, the
// environment and the flags, run.go shows everything that runs and the order
// in which it stops, wire.go puts the packages together.
package main
