package conformance

import "slices"

// groups are all cases that both beds play.
func groups() []group {
	return slices.Concat(
		[]group{requestCases(), replyCases(), dhcpCases(), identityCases(), option82Cases(), offCases(), trustedCases()},
		relayedModes(), suboptionCases(), vssCases(), giaddrCases(), policyCases(), oversizeCases(), peerCases(), bugCases(),
	)
}
