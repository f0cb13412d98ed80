#!/bin/sh
# Starts nginx of a serving. nginx asks for an address once, at its start, unless it has a resolver: it reads neither
# /etc/resolv.conf nor the search domains in it, so both are written down for it here, by what any sh has in itself.
#   serving_proxy.sh <nginx.conf> <folder for its include files> <host of the tracking server> <port>
#     [resolv.conf] [file of a certificate authority, to trust besides the public ones] [ssl: the port has TLS]
set -eu

configuration=$1 folder=$2 host=$3 port=$4 resolv=${5:-/etc/resolv.conf} authority=${6:-} ssl=${7:+ ssl}

servers='' search=''
while read -r key values || [ -n "$key" ]; do
  case $key in
    nameserver)
      server=${values%%[!0-9A-Fa-f.:]*}
      case $values in
        # nginx knows no zones: fe80::1%eth0.
        *%*) ;;
        *:*) servers="$servers [$server]" ;;
        *) servers="$servers $server" ;;
      esac
      ;;
    search) search=$values ;;
  esac
done <"$resolv"

if [ -z "$servers" ]; then
  echo "$resolv: it has no nameserver; expected one, by which nginx finds $host: see the pod's dnsPolicy and dnsConfig" >&2
  exit 1
fi

# As the cluster's names are completed: `name` by the first domain, `name.namespace.svc` by the cluster's own.
case $host in
  *.svc)
    for domain in $search; do
      case $domain in
        svc.*)
          host=$host.${domain#svc.}
          break
          ;;
      esac
    done
    ;;
  *.*) ;;
  *) for domain in $search; do
    host=$host.$domain
    break
  done ;;
esac

printf 'resolver%s valid=10s;\nset $tracking %s:%s;\n' "$servers" "$host" "$port" >"$folder/tracking.conf"

# nginx trusts one file.
if [ -n "$authority" ]; then
  for file in /etc/ssl/certs/ca-certificates.crt "$authority"; do
    [ -e "$file" ] || continue
    while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done <"$file"
  done >"$folder/authorities.crt"
fi

# Both address families where the node has both.
{
  printf 'listen 8081%s;\n' "$ssl"
  if [ -e /proc/net/if_inet6 ]; then printf 'listen [::]:8081%s;\n' "$ssl"; fi
} >"$folder/listen.conf"

exec nginx -c "$configuration" -g 'daemon off;'
