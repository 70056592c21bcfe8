package ssf

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	isoTime = regexp.MustCompile(
		`^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2})?(?:[.,](\d+))? ?([Zz]|[+-]\d{2}(?::?[0-5]\d)?)?$`,
	)
	unixTime = regexp.MustCompile(`^(\d{10}|\d{13})$`)
	isoDate  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

	// The range excludes zero times and times in the wrong unit.
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

const maxOffset = 14 * 60 * 60 // seconds, the largest offset from UTC in use

const example = "such as 2025-05-25T14:47:52Z or 2025-05-25T16:47:52+02:00"

// ParseTime parses an ISO 8601 date and time with Z or an offset (+02:00, +0200, +02) and returns
// it in UTC. Seconds are optional. Their fraction starts with a point or a comma and may have any
// length; digits after the ninth are ignored. ParseTime returns an error for a time without a zone
// and for a time before 2000 or after 2099. Ten digits are Unix seconds, and thirteen milliseconds.
func ParseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	m := isoTime.FindStringSubmatch(s)
	switch {
	case unixTime.MatchString(s):
		n, _ := strconv.ParseInt(s, 10, 64)
		if len(s) == 10 {
			n *= 1000
		}
		return inRange(time.UnixMilli(n))
	case isoDate.MatchString(s):
		return time.Time{}, errors.New("the timestamp is only a date; add the time of day and the zone, " + example)
	case m == nil || m[3] == "" && m[4] != "":
		return time.Time{}, errors.New("the timestamp is not an ISO 8601 date and time " + example)
	case m[5] == "":
		return time.Time{}, errors.New("the timestamp has no time zone; end it with Z for UTC or with an offset, " + example)
	}
	date, clock, seconds, fraction, zone := m[1], m[2], m[3], m[4], strings.ToUpper(m[5])
	if seconds == "" {
		seconds = ":00"
	}
	if fraction != "" {
		fraction = "." + fraction[:min(len(fraction), 9)]
	}
	if zone != "Z" {
		minutes := strings.TrimPrefix(zone[3:], ":")
		if minutes == "" {
			minutes = "00"
		}
		zone = zone[:3] + ":" + minutes
	}
	t, err := time.Parse(time.RFC3339Nano, date+"T"+clock+seconds+fraction+zone)
	_, offset := t.Zone()
	if err != nil || max(offset, -offset) > maxOffset {
		return time.Time{}, errors.New(
			"the timestamp names a date, a time of day or an offset that does not exist; write it " + example)
	}
	return inRange(t)
}

// inRange returns the time in UTC.
func inRange(t time.Time) (time.Time, error) {
	if t.Before(earliest) || !t.Before(latest) {
		return time.Time{}, errors.New("the timestamp is outside the years 2000 to 2099")
	}
	return t.UTC(), nil
}
