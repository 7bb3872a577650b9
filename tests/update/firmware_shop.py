# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workshop with release keys, firmware made for the test, and a server that hands it out."""
import contextlib
import hashlib
import http.server
import os
import ssl
import subprocess
import threading

from workshop import BUILD, NAMES, ROOTS, Gio, GLib, Object, Workshop, variant_dict, wait_for

MAKER = os.path.join(BUILD, "tests", "update", "firmware-maker")
HARDWARE = "simlimb-1"


def make(*arguments):
    """Runs the maker; gives what it prints."""
    return subprocess.run([MAKER, *map(str, arguments)], check=True, capture_output=True,
                          text=True).stdout.strip()


class FirmwareShop(Workshop):
    """A workshop whose arm and whose PC trust one release key. The socket is off unless said otherwise."""

    def __init__(self, *arguments, bind=True, options=()):
        self.options, self.wanted = list(options), bind
        super().__init__(*arguments)

    def path(self, name):
        """A file of the house."""
        return os.path.join(self.house.directory, name)

    def start_daemons(self):
        """Makes keys, and starts the daemons."""
        for name in ("release", "stranger"):
            make("key", self.path(name + ".pem"), self.path(name + "-public.pem"))
        make("server", self.path("server.pem"), self.path("server-key.pem"))
        for folder in ("firmware", "power"):
            os.makedirs(self.path(folder), exist_ok=True)
        for part in ("records", "training", "pairing"):
            self.house.start(part, wait=False)
        self.start_update()
        for part in NAMES:
            self.house.wait_name(part)

    def start_update(self):
        """Starts updated (again)."""
        self.house.start("update", "--release-key", self.path("release-public.pem"), "--firmware-dir",
                         self.path("firmware"), "--ca-file", self.path("server.pem"),
                         "--power-supply-dir", self.path("power"), *self.options)

    def add_arm(self, name, *arguments):
        """One more arm, which trusts the release key, and is not worn."""
        arm = super().add_arm(name, "--release-key", self.path("release-public.pem"), *arguments)
        arm.tell("worn", "off")
        return arm

    def container(self, version="1.0.0", size=20000, hardware=HARDWARE, side="any", schema=99,
                  key="release", name=None):
        """Makes a container; gives its file and its hash."""
        path = self.path(name or "firmware-%s-%d.bin" % (version, size))
        return path, make("container", self.path(key + ".pem"), path, hardware, side, schema, version,
                          size)

    def hand_in(self, path, **options):
        """Hands a container in; gives its object."""
        with open(path, "rb") as stream:
            return Object(self.house, NAMES["update"], self.clinic.update.call(
                "Update1.ImportFirmware", "(ha{sv})", 0, variant_dict(**options),
                fds=[stream.fileno()]))

    def firmware(self, version="1.0.0", size=20000, **options):
        """Makes a container and hands it in; gives its object."""
        return self.hand_in(self.container(version, size, **options)[0])

    def offered(self):
        """hash -> properties of what is offered."""
        return {properties["Hash"]: properties
                for _, properties in self.clinic.find("update", "Firmware1")}

    def put(self, firmware, prosthesis=None, **options):
        """Starts an installation; gives the job."""
        return self.clinic.update.call("Update1.InstallFirmware", "(ooa{sv})",
                                       (prosthesis or self.prosthesis).path, firmware.path,
                                       variant_dict(**options))

    def about(self, member, **options):
        """Calls StartTrial, Confirm or RollBack about firmware."""
        return self.call(member, image=("s", "firmware"), **options)

    def runs(self, firmware, state="idle"):
        """Waits until Slots1 says that firmware runs (None: what was built in), in a state."""
        wanted = firmware.get("Firmware1.Hash") if firmware else ""

        def same():
            slots = self.slots.properties("Slots1")
            return (slots["Firmware"], slots["FirmwareState"]) == (wanted, state)
        wait_for(same, "firmware %s, %s" % (wanted[:8], state))

    def kept(self, firmware, **options):
        """Installs and confirms firmware."""
        result = self.jobs.succeed(self.put(firmware, **options))
        self.runs(firmware, "trial")
        self.jobs.succeed(self.about("Confirm"))
        self.runs(firmware)
        return result

    def story(self):
        """What Slots1 says has happened with firmware, newest first: [(action, version, error)]."""
        return [(entry["action"], entry["version"], entry["error"].rsplit(".", 1)[-1])
                for entry in self.slots.get("Slots1.History") if entry["firmware"]]

    def power(self, **supplies):
        """What the PC runs on: name=(attribute, value)…"""
        for name, attributes in supplies.items():
            os.makedirs(os.path.join(self.path("power"), name), exist_ok=True)
            for attribute, value in attributes.items():
                with open(os.path.join(self.path("power"), name, attribute), "w",
                          encoding="ascii") as stream:
                    stream.write("%s\n" % value)


class Server:
    """HTTPS with ranges and ETags, that can misbehave; `requests` are the headers that came."""

    def __init__(self, shop):
        self.files, self.requests = {}, []
        self.etags, self.cut_after, self.redirect, self.status, self.stall = True, None, {}, None, None
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers one request."""
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                """Hands a file out."""
                server.answer(self)

            def log_message(self, *_):
                """Says nothing."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shop.path("server.pem"), shop.path("server-key.pem"))
        self.httpd = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
        self.httpd.daemon_threads = True
        self.httpd.handle_error = lambda *_: None
        self.httpd.socket = context.wrap_socket(self.httpd.socket, server_side=True,
                                                do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.httpd.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.stall:
            self.stall.set()
        self.httpd.shutdown()
        self.httpd.server_close()

    def url(self, name, scheme="https"):
        """Address of a file."""
        return "%s://localhost:%d/%s" % (scheme, self.httpd.server_address[1], name)

    def offer(self, name, path):
        """Offers a file; gives its address."""
        with open(path, "rb") as stream:
            self.files[name] = stream.read()
        return self.url(name)

    def answer(self, handler):
        """One answer."""
        name = handler.path.lstrip("/")
        self.requests.append(dict(handler.headers))
        if name in self.redirect:
            handler.send_response(302)
            handler.send_header("Location", self.redirect[name])
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        content = self.files.get(name)
        status = self.status or (200 if content is not None else 404)
        if status != 200:
            handler.send_response(status)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        self.send(handler, content)

    def send(self, handler, content):
        """Sends a content, or the part that was asked for."""
        etag = '"%s"' % hashlib.sha256(content).hexdigest()[:16]
        start, total = 0, len(content)
        if self.etags and handler.headers.get("If-None-Match") == etag:
            handler.send_response(304)
            handler.send_header("ETag", etag)
            handler.end_headers()
            return
        wanted = handler.headers.get("Range")
        if wanted and handler.headers.get("If-Range") == etag:
            start = int(wanted.split("=")[1].split("-")[0])
            handler.send_response(206)
            handler.send_header("Content-Range", "bytes %d-%d/%d" % (start, total - 1, total))
        else:
            handler.send_response(200)
        if self.etags:
            handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(total - start))
        handler.end_headers()
        rest = content[start:]
        if self.cut_after is not None and self.cut_after < len(rest):
            handler.wfile.write(rest[:self.cut_after])
            handler.wfile.flush()
            if self.stall:
                self.stall.wait(60)
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.unwrap()
            handler.connection.close()
            return
        handler.wfile.write(rest)


LOGIN = """<node><interface name="org.freedesktop.login1.Manager"><method name="Inhibit">
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="h" direction="out"/></method></interface></node>"""


class Login:
    """Stands for logind: counts the locks that are held."""

    def __init__(self, house):
        self.asked, self.ends = [], []
        self.connection = house.connect()
        interface = Gio.DBusNodeInfo.new_for_xml(LOGIN).interfaces[0]
        self.connection.register_object("/org/freedesktop/login1", interface, self.call, None, None)
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus", "RequestName",
                                  GLib.Variant("(su)", ("org.freedesktop.login1", 4)), None, 0, -1,
                                  None)

    def call(self, _connection, _sender, _path, _interface, _method, arguments, invocation):
        """Hands a lock out: the writing end of a pipe."""
        self.asked.append(arguments.unpack())
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self.ends.append(ours)
        invocation.return_value_with_unix_fd_list(
            GLib.Variant("(h)", (0,)), Gio.UnixFDList.new_from_array([theirs]))

    def held(self):
        """How many locks nobody has let go."""
        def is_open(end):
            try:
                return os.read(end, 1) != b""
            except BlockingIOError:
                return True
        return sum(map(is_open, self.ends))


__all__ = ["FirmwareShop", "GLib", "Login", "NAMES", "Object", "ROOTS", "Server", "make",
           "variant_dict", "wait_for"]
