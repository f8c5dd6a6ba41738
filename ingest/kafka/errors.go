package kafka

import "errors"

var (
	// errUnknownTopic is in a Status while the topic does not exist.
	errUnknownTopic = errors.New("the topic does not exist; waiting for it to be created")
	// errTopicDeleted is in a Status when a topic that was read is gone.
	errTopicDeleted = errors.New("the topic was deleted")
	// errTopicRecreated is in a Status when the topic's identity has changed.
	errTopicRecreated = errors.New("the topic was deleted and created again, so that its offsets start over: on_data_loss = 'continue' reads the new topic from its beginning and keeps the rows of the old one")
	// errPartitionGone is in a Status when a stored partition is not in the topic.
	errPartitionGone = errors.New("the broker does not list this partition, which was read before")
)
