package sealed

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"

	"example.com/tlslab/kvs/store"
)

// What the fields of [Containers] mean when they are zero.
const (
	DefaultMaxContainers  = 8
	DefaultContainerLimit = 16 << 20 // bytes
)

// A Container is an isolated key-value space, with credentials of its own.
type Container struct {
	UUID        string
	Username    string      // user_NNNNN
	ImageSHA256 string      // in hex
	Space       store.Store // closed when the container is destroyed

	credentials digest // of the username and the password, neither of which it could give back
}

// Admits reports whether these are the credentials of the container.
func (c *Container) Admits(username, password string) bool {
	return equal(c.credentials, credentialsDigest(username, password))
}

func credentialsDigest(username, password string) digest { return digestOf(username + "\n" + password) }

// Virtualization makes containers. It is one of the parts that are handed to a
// [Server], and that can be asked for; in the original it ran virtual machines.
type Virtualization interface {
	// Create makes a container whose space begins as the image has it. The password is
	// returned, and kept only as a hash. The error is ErrFull if there is no room for one more.
	Create(image *Image) (container *Container, password string, err error)
	// Container returns the container of that UUID; false if there is none.
	Container(uuid string) (*Container, bool)
	// All returns all containers, in the order of their UUIDs.
	All() []*Container
	// Destroy ends a container. The error is ErrNoContainer if there is none of that UUID.
	Destroy(uuid string) error
	// Available returns how many more containers there is room for.
	Available() int
}

var (
	ErrFull        = errors.New("there is no room for one more container")
	ErrNoContainer = errors.New("there is no such container")
)

// Containers is a [Virtualization] in memory. The zero value is empty and ready
// for use, by several goroutines. The fields must not be changed once it is used.
type Containers struct {
	Max   int   // how many there may be at once; zero is DefaultMaxContainers
	Limit int64 // how many bytes of keys and values each takes; zero is DefaultContainerLimit

	mu  sync.Mutex
	all map[string]*Container
}

// Create implements [Virtualization].
func (c *Containers) Create(image *Image) (*Container, string, error) {
	space := &store.Memory{Limit: cmp.Or(c.Limit, DefaultContainerLimit)}
	if c.Available() == 0 {
		return nil, "", ErrFull // before the image is copied
	}
	if err := image.fill(space); err != nil {
		return nil, "", err
	}
	password := newPassword()
	container := &Container{UUID: newUUID(), Username: newUsername(), ImageSHA256: image.SHA256(), Space: space}
	container.credentials = credentialsDigest(container.Username, password)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.available() == 0 {
		return nil, "", ErrFull
	}
	if c.all == nil {
		c.all = make(map[string]*Container)
	}
	c.all[container.UUID] = container
	return container, password, nil
}

// Container implements [Virtualization].
func (c *Containers) Container(uuid string) (*Container, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	container, ok := c.all[uuid]
	return container, ok
}

// All implements [Virtualization].
func (c *Containers) All() []*Container {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Container
	for _, uuid := range slices.Sorted(maps.Keys(c.all)) {
		all = append(all, c.all[uuid])
	}
	return all
}

// Destroy implements [Virtualization].
func (c *Containers) Destroy(uuid string) error {
	c.mu.Lock()
	container, ok := c.all[uuid]
	delete(c.all, uuid)
	c.mu.Unlock()
	if !ok {
		return ErrNoContainer
	}
	return container.Space.Close()
}

// Available implements [Virtualization].
func (c *Containers) Available() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.available()
}

func (c *Containers) available() int {
	return max(cmp.Or(c.Max, DefaultMaxContainers)-len(c.all), 0)
}
