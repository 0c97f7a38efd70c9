#!/bin/sh
# HAProxy as Ray Serve starts it (haproxy -db -f FILE ...), with what Ray's configuration leaves open closed:
# its pages of numbers listen on this machine alone, its admin socket is the owner's, and a client that never
# ends its headers is let go.
before=
for argument in "$@"; do
    if [ "$before" = -f ]; then
        sed -i \
            -e 's/^\( *bind \):\([0-9]\)/\1127.0.0.1:\2/' \
            -e '/^listen stats/,$ s/bind \*:/bind 127.0.0.1:/' \
            -e '/stats socket/ s/mode 666/mode 600/' \
            -e 's/^\( *\)option http-no-delay/&\n\1timeout http-request 60s/' \
            "$argument"
        # One that starts anew knows no replicas for a moment, and would say 404 to requests that are right.
        # A connection that is closed without an answer is one that a client may safely try again.
        grep -q '^ *use_backend ' "$argument" ||
            sed -i '/^backend default_backend/,/return status 404/ s/http-request return status 404.*/http-request reject/' \
                "$argument"
    fi
    before=$argument
done
if command -v setpriv >/dev/null 2>&1; then
    # Ray's processes may be killed, and HAProxy would go on listening for nobody.
    exec setpriv --pdeathsig TERM "$EMBEDWORKS_HAPROXY" "$@"
fi
exec "$EMBEDWORKS_HAPROXY" "$@"
