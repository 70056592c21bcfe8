package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// DrainTime is how long invocations may go on once the process is told to end: Cloud Run kills it after 10 seconds.
const DrainTime = 8 * time.Second

// endOnSignal ends the process at SIGTERM once nothing is in flight, which the functions framework does not.
func (a *App) endOnSignal() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	go func() {
		<-told
		a.log().Info("told to end", "within", DrainTime.String())
		ctx, cancel := context.WithTimeout(context.Background(), DrainTime)
		defer cancel()
		if err := a.Drain(ctx); err != nil {
			a.log().Warn("some invocations did not end in time: what became of their targets is in the audit", "error", err.Error())
		}
		a.o.Exit(0)
	}()
}

// Drain lets no invocation in any more, and waits until those in flight have ended.
func (a *App) Drain(ctx context.Context) error {
	a.building.Lock()
	b := a.built
	a.building.Unlock()
	if b == nil { // nothing was ever served
		return nil
	}
	return b.inFlight.Close(ctx)
}
