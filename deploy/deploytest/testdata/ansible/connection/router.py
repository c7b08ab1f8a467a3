# Reaches a router of the tests, which is a process with namespaces and a root of its own.
DOCUMENTATION = """
name: router
short_description: enter the namespaces of a process
description: Runs commands in the namespaces and the root of a process of this host.
options:
  pid:
    description: The process.
    required: true
    vars: [{name: router_pid}]
"""

import os
import shlex
import shutil

from ansible.plugins.connection.local import Connection as Local


class Connection(Local):
    transport = "router"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cwd = None

    def exec_command(self, cmd, in_data=None, sudoable=True):
        enter = "nsenter -t %s -m -n -p -r -w env PATH=/usr/sbin:/usr/bin:/sbin:/bin " % self.get_option("pid")
        return super().exec_command(enter + "/bin/sh -c " + shlex.quote(cmd), in_data, sudoable)

    def _there(self, path):
        return "/proc/%s/root%s" % (self.get_option("pid"), os.path.expanduser(path))

    def put_file(self, in_path, out_path):
        shutil.copyfile(in_path, self._there(out_path))

    def fetch_file(self, in_path, out_path):
        shutil.copyfile(self._there(in_path), out_path)
