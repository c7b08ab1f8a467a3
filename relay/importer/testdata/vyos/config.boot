/* after https://docs.vyos.io/en/latest/configuration/service/dhcp-relay.html */
interfaces {
    ethernet eth1 {
        address "192.168.1.1/24"
    }
}
service {
    dhcp-relay {
        interface eth1
        interface eth2
        relay-options {
            max-size 1400
            relay-agents-packets append
        }
        server 10.0.1.4
        server 10.0.1.5
    }
    ssh {
        port "22"
    }
}
