package workload

type product struct {
	name  string
	cents int64
}

// The most frequent of each comes first.
var (
	countries = []string{"DE", "US", "FR", "GB", "NL", "ES", "IT", "PL", "SE", "AT", "CH", "BE", "DK", "NO", "FI", "PT", "CZ", "IE", "JP", "CA"}
	products  = []product{
		{"espresso beans", 1499}, {"filter papers", 399}, {"oat milk", 249}, {"coffee mug", 1250}, {"hand grinder", 8900},
		{"green tea", 899}, {"french press", 3495}, {"milk jug", 1990}, {"kettle", 7900}, {"chocolate", 349},
		{"travel cup", 2495}, {"scale", 4999}, {"moka pot", 3290}, {"cleaning tablets", 1190}, {"tea strainer", 790},
		{"espresso machine", 64900}, {"syrup", 990}, {"gift card", 5000}, {"barista course", 12900}, {"tamper", 2790},
	}
	statuses  = []string{"paid", "placed", "shipped", "cancelled", "returned"}
	pages     = []string{"/", "/search", "/cart", "/checkout", "/offers", "/account", "/help", "/about"}
	referrers = []string{"", "search", "newsletter", "social", "partner"}
)
