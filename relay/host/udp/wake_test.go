package udp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// reads runs reads until one succeeds or the socket is closed, and tells the
// error of each.
func reads(c *Conn) <-chan error {
	errs := make(chan error)
	go func() {
		defer close(errs)
		ds := NewBatch(4)
		for {
			_, err := c.Read(ds)
			errs <- err
			if !errors.Is(err, ErrWoken) {
				return
			}
		}
	}()
	return errs
}

func wantRead(t *testing.T, errs <-chan error, want error) {
	t.Helper()
	select {
	case err := <-errs:
		if !errors.Is(err, want) {
			t.Fatalf("Read: %v, want %v", err, want)
		}
	case <-time.After(patient):
		t.Fatalf("Read still waits, want %v", want)
	}
}

func TestWakeEndsOneRead(t *testing.T) {
	s := netns.NewSpace(t)
	s.Up("lo")
	p := listen(s, Config{Family: dhcp.V4, Port: 67})
	from := s.ListenUDP("udp4", "127.0.0.1:68")

	p.Requests.Wake()
	p.Requests.Wake() // the same read sees what was done before both
	errs := reads(p.Requests)
	wantRead(t, errs, ErrWoken)
	for range 100 {
		p.Wake()
		wantRead(t, errs, ErrWoken)
	}
	select {
	case err := <-errs:
		t.Fatalf("Read: %v without a Wake", err)
	case <-time.After(20 * time.Millisecond):
	}
	sendTo(t, from, request, "127.0.0.1:67")
	wantRead(t, errs, nil)
}

func TestWakeLosesNoDatagram(t *testing.T) {
	const most = 5000
	s := netns.NewSpace(t)
	s.Up("lo")
	p := listen(s, Config{Family: dhcp.V4, Port: 67, RcvBuf: 16 << 20})
	from := s.ListenUDP("udp4", "127.0.0.1:68")
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() {
		for range most {
			p.Wake()
			if _, err := from.WriteToUDPAddrPort([]byte(request), netip.MustParseAddrPort("127.0.0.1:67")); err != nil {
				t.Error(err)
				_ = p.Close() // it ends the reads
				return
			}
		}
		p.Wake()
	})
	n, woken := 0, 0
	ds := NewBatch(64)
	for n < most || woken == 0 {
		got, err := p.Requests.Read(ds)
		switch {
		case errors.Is(err, ErrWoken):
			woken++
		case err != nil:
			t.Fatal(err)
		}
		n += got
	}
	if n != most {
		t.Errorf("read %d datagrams of %d", n, most)
	}
	t.Logf("%d datagrams, woken %d times", n, woken)
}

func TestCloseEndsAReaderThatIsWoken(t *testing.T) {
	s := netns.NewSpace(t)
	p := listen(s, Config{Family: dhcp.V4, Port: 67})
	ended := make(chan error, 1)
	go func() {
		for err := range reads(p.Replies) {
			if !errors.Is(err, ErrWoken) {
				ended <- err
			}
		}
	}()
	for range 100 {
		p.Wake()
	}
	s.Must(p.Close())
	p.Wake()
	wantRead(t, ended, net.ErrClosed)
}
