package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// DrainTime is the time limit for the requests in flight after SIGTERM. Cloud Run kills the process
// after 10 seconds.
const DrainTime = 8 * time.Second

// watchSignal waits for SIGTERM from the first request on, unless the caller handles it.
func (a *App) watchSignal() {
	if a.o.Exit != nil {
		a.signals.Do(a.endOnSignal)
	}
}

// endOnSignal ends the process after SIGTERM, once no request is in flight. The functions framework
// would not wait.
func (a *App) endOnSignal() {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGTERM)
	go func() {
		<-received
		a.log().Info("SIGTERM was received: the process ends", "within", DrainTime.String())
		ctx, cancel := context.WithTimeout(context.Background(), DrainTime)
		defer cancel()
		if err := a.Drain(ctx); err != nil {
			a.log().Warn("some requests did not end in time: the audit has the outcomes of their targets", "error", err.Error())
		}
		a.o.Exit(0)
	}()
}

// Drain refuses further requests and waits until those in flight have ended. If ctx ends first, it
// returns ctx's error.
func (a *App) Drain(ctx context.Context) error {
	a.building.Lock()
	b := a.built
	a.building.Unlock()
	if b == nil { // no request has arrived
		return nil
	}
	return b.inFlight.Close(ctx)
}
