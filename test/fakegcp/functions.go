package fakegcp

import (
	"context"
	"sync"

	"cloud.google.com/go/functions/apiv2/functionspb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Functions is Cloud Functions, as far as it is looked at.
type Functions struct {
	functionspb.UnimplementedFunctionServiceServer

	mu       sync.Mutex
	deployed map[string]*functionspb.Function // by resource name
	denied   bool
}

// Deploy puts a function in place of one of its name.
func (f *Functions) Deploy(function *functionspb.Function) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deployed == nil {
		f.deployed = map[string]*functionspb.Function{}
	}
	f.deployed[function.Name] = function
}

// Delete takes a function away, by its resource name.
func (f *Functions) Delete(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.deployed, name)
}

// SetDenied takes the role to look at functions away from everyone, or gives it back.
func (f *Functions) SetDenied(denied bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.denied = denied
}

// GetFunction implements the service.
func (f *Functions) GetFunction(_ context.Context, r *functionspb.GetFunctionRequest) (*functionspb.Function, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied {
		return nil, status.Errorf(codes.PermissionDenied, "Permission 'cloudfunctions.functions.get' denied on '%s'", r.Name)
	}
	if function := f.deployed[r.Name]; function != nil {
		return function, nil
	}
	return nil, status.Errorf(codes.NotFound, "Resource '%s' was not found", r.Name)
}

// Serve starts the service on loopback. It returns how the real client reaches it, and what ends it.
func (f *Functions) Serve() (options []option.ClientOption, stop func(), err error) {
	return serve(func(s *grpc.Server) { functionspb.RegisterFunctionServiceServer(s, f) })
}
