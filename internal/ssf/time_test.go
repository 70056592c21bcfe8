package ssf

import (
	"strings"
	"testing"
	"time"
)

func TestParseTime_AcceptsISO8601(t *testing.T) {
	t.Parallel()
	const noon = 1748177272000 // 2025-05-25T12:47:52Z
	for text, want := range map[string]int64{
		"2025-05-25T12:47:52Z":      noon,
		"2025-05-25T14:47:52+02:00": noon,
		"2025-05-25T14:47:52+0200":  noon,
		"2025-05-25T14:47:52+02":    noon,
		"2025-05-25T12:47:52+00:00": noon,
		"2025-05-25T12:47:52-00:00": noon,
		"2025-05-25T08:17:52-04:30": noon,
		"2025-05-25T18:32:52+0545":  noon,
		"2025-05-26T02:47:52+14:00": noon,
		"2025-05-25t12:47:52z":      noon,
		"2025-05-25 12:47:52Z":      noon,
		"2025-05-25 14:47:52 +0200": noon,
		" 2025-05-25T12:47:52Z\r\n": noon,
		"1748177272":                noon,
		" 1748177272000 ":           noon,
		"2025-05-25T12:47Z":         noon - 52000,
		"2025-05-25T14:47+02:00":    noon - 52000,

		"2025-05-25T12:47:52.1Z":                            noon + 100,
		"2025-05-25T12:47:52,25Z":                           noon + 250,
		"2025-05-25T12:47:52.123456Z":                       noon + 123,
		"2025-05-25T12:47:52.1234567Z":                      noon + 123,
		"2025-05-25T14:47:52.123456789+02:00":               noon + 123,
		"2025-05-25T12:47:52.9999999999999999999999999Z":    noon + 999,
		"2025-05-25T12:47:52,000000000000000000000001+0000": noon,

		"2024-02-29T23:59:59.999Z":  1709251199999,
		"2000-01-01T00:00:00Z":      946684800000,
		"2000-01-01T02:00:00+02:00": 946684800000,
		"2099-12-31T23:59:59Z":      4102444799000,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := ParseTime(text)
			if err != nil {
				t.Fatal(err)
			}
			if got.UnixMilli() != want || got.Location() != time.UTC {
				t.Errorf("time = %v (%d ms), want %d ms in UTC", got, got.UnixMilli(), want)
			}
		})
	}
}

func TestParseTime_IgnoresLocalTimeZone(t *testing.T) {
	// Not parallel: it sets the time zone of the process.
	before := time.Local
	t.Cleanup(func() { time.Local = before })
	time.Local = time.FixedZone("elsewhere", 2*60*60)
	got, err := ParseTime("2025-05-25T12:47:52Z")
	if err != nil || got.Unix() != 1748177272 {
		t.Errorf("time = %v, error %v", got, err)
	}
}

func TestParseTime_ReportsMistake(t *testing.T) {
	t.Parallel()
	const (
		notISO  = "is not an ISO 8601 date and time"
		noZone  = "no time zone; end it with Z for UTC or with an offset"
		noTime  = "only a date"
		noSuch  = "does not exist"
		outside = "outside the years 2000 to 2099"
	)
	for text, want := range map[string]string{
		"":                             notISO,
		"yesterday":                    notISO,
		"25.05.2025 12:47:52":          notISO,
		"05/25/2025 12:47:52Z":         notISO,
		"Sun, 25 May 2025 12:47:52 Z":  notISO,
		"2025-5-25T12:47:52Z":          notISO,
		"2025-05-25T12:47:52.Z":        notISO,
		"2025-05-25T12:47.5Z":          notISO,
		"2025-05-25T12Z":               notISO,
		"2025-05-25T12:47:52 UTC":      notISO,
		"2025-05-25T12:47:52Z+02:00":   notISO,
		"2025-05-25T12:47:52+2":        notISO,
		"2025-05-25T12:47:52ZZ":        notISO,
		"2025-05-25T12:47:52Z\nreason": notISO,
		"٢٠٢٥-05-25T12:47:52Z":         notISO,
		"2025-05-25T14:47:52":          noZone,
		"2025-05-25 14:47:52.123":      noZone,
		"2025-05-25T14:47":             noZone,
		"2025-05-25":                   noTime,
		"2025-02-29T12:47:52Z":         noSuch,
		"2025-13-01T12:47:52Z":         noSuch,
		"2025-05-25T24:00:01Z":         noSuch,
		"2025-05-25T12:60:00Z":         noSuch,
		"2025-05-25T12:47:61Z":         noSuch,
		"2025-05-25T12:47:52+02:60":    notISO,
		"2025-05-25T12:47:52+14:01":    noSuch,
		"2025-05-25T12:47:52-25:00":    noSuch,
		"0001-01-01T00:00:00Z":         outside,
		"1970-01-01T00:00:00Z":         outside,
		"1999-12-31T23:59:59.999Z":     outside,
		"2100-01-01T00:00:00Z":         outside,
		"2100-01-01T01:00:00+01:00":    outside,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := ParseTime(text)
			if err == nil || !got.IsZero() {
				t.Fatalf("time = %v, error %v; want an error", got, err)
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error = %q, want %q in it", err, want)
			}
		})
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2025-05-25T14:47:52+02:00")
	f.Add("2025-05-25 12:47:52,1234567890z")
	f.Add("2025-05-25T12:47")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTime(text)
		if err != nil {
			return
		}
		again, err := ParseTime(got.Format(time.RFC3339Nano))
		if err != nil || !again.Equal(got) {
			t.Errorf("%v is parsed as %v, %v", got, again, err)
		}
	})
}
