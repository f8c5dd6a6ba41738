package nexmark

import "strconv"

// BidColumns declares the fields of a bid for CREATE SOURCE and its watermark.
const BidColumns = `auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR,
  WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds'`

// bidsPerRound are the events of a round that are neither persons nor auctions,
// which come first.
const bidsPerRound = eventsPerRound - personsPerRound - auctionsPerRound

// bidTime writes event times in as many bytes as any other, without a zone: they
// are TIMESTAMPs.
const bidTime = "2006-01-02T15:04:05.000"

// Bid returns the bid that comes as number n of the bids, from 0. It is that of an
// Event with a greater number.
func (g *Generator) Bid(n int64) *Bid {
	return g.Event(n/bidsPerRound*eventsPerRound + personsPerRound + auctionsPerRound + n%bidsPerRound).Bid
}

// AppendJSON appends the bid as JSON. Its texts have nothing that would have to be escaped.
func (d *Bid) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"auction":`...), d.Auction, 10)
	dst = strconv.AppendInt(append(dst, `,"bidder":`...), d.Bidder, 10)
	dst = strconv.AppendInt(append(dst, `,"price":`...), d.Price, 10)
	dst = append(append(dst, `,"channel":"`...), d.Channel...)
	dst = append(append(dst, `","url":"`...), d.URL...)
	dst = d.At.UTC().AppendFormat(append(dst, `","date_time":"`...), bidTime)
	dst = append(append(dst, `","extra":"`...), d.Extra...)
	return append(dst, `"}`...)
}
