// A device plugin that offers GPUs which are not there: containers get /dev/nvidia<N>, made like /dev/null.
// A file "sick-<N>" in the device folder makes that one unhealthy.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	socketName = "bed-gpu.sock"
	lookEvery  = time.Second
)

type plugin struct {
	api.UnimplementedDevicePluginServer
	count   int
	devices string
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (p *plugin) ListAndWatch(_ *api.Empty, stream api.DevicePlugin_ListAndWatchServer) error {
	for said := ""; ; {
		list, state := p.list()
		if state != said {
			if err := stream.Send(&api.ListAndWatchResponse{Devices: list}); err != nil {
				return err
			}
			said = state
		}
		select {
		case <-stream.Context().Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}

func (p *plugin) list() (list []*api.Device, state string) {
	for index := range p.count {
		health := api.Healthy
		if exists(filepath.Join(p.devices, fmt.Sprintf("sick-%d", index))) {
			health = api.Unhealthy
		}
		list = append(list, &api.Device{ID: fmt.Sprint(index), Health: health})
		state += health + " "
	}
	return list, state
}

func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	answer := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		given := &api.ContainerAllocateResponse{Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")}}
		for _, id := range container.DevicesIds {
			given.Devices = append(given.Devices, &api.DeviceSpec{
				HostPath:      filepath.Join(p.devices, "nvidia"+id),
				ContainerPath: "/dev/nvidia" + id,
				Permissions:   "rw",
			})
		}
		answer.ContainerResponses = append(answer.ContainerResponses, given)
	}
	return answer, nil
}

func (p *plugin) makeDevices() error {
	if err := os.MkdirAll(p.devices, 0o755); err != nil {
		return err
	}
	for index := range p.count {
		path := filepath.Join(p.devices, fmt.Sprintf("nvidia%d", index))
		if exists(path) {
			continue
		}
		const null = 1<<8 | 3
		if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, null); err != nil {
			return err
		}
	}
	return nil
}

// serve offers the devices until the kubelet starts anew, which empties its plugin folder.
func (p *plugin) serve(folder, resource string) error {
	socket := filepath.Join(folder, socketName)
	if err := os.RemoveAll(socket); err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, p)
	go server.Serve(listener)
	defer server.Stop()
	if err := register(folder, resource); err != nil {
		return err
	}
	log.Printf("%d of %s registered", p.count, resource)
	for exists(socket) {
		time.Sleep(lookEvery)
	}
	return nil
}

func register(folder, resource string) error {
	connection, err := grpc.NewClient("unix://"+filepath.Join(folder, "kubelet.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	deadline, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	request := &api.RegisterRequest{Version: api.Version, Endpoint: socketName, ResourceName: resource}
	_, err = api.NewRegistrationClient(connection).Register(deadline, request)
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func main() {
	count := flag.Int("count", 8, "GPUs to offer")
	resource := flag.String("resource", "nvidia.com/gpu", "name of the extended resource")
	devices := flag.String("devices", "", "folder of the device files")
	folder := flag.String("folder", api.DevicePluginPath, "plugin folder of the kubelet")
	flag.Parse()
	offered := &plugin{count: *count, devices: *devices}
	if err := offered.makeDevices(); err != nil {
		log.Fatal(err)
	}
	for {
		if err := offered.serve(*folder, *resource); err != nil {
			time.Sleep(lookEvery / 4)
		}
	}
}
