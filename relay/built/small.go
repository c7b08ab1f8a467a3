//go:build small

package built

// Small reports whether parts are left out.
const Small = true

// Buffers is how large a receive buffer may be, in MiB.
const Buffers = 4
