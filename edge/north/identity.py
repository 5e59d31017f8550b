"""How the agent shows the broker who it is: its credential, and its certificate where asked."""

import ssl

from edge.config import BrokerConfig, EdgeConfig
from edge.credential import CredentialUnusableError, read_credential
from edge.north.mqtt import BrokerUnavailableError, SignIn


class NotEnrolledError(BrokerUnavailableError):
    """The gateway has no credential it can use; nobody was asked yet."""


def sign_in(config: EdgeConfig) -> SignIn:
    """What to present now. Files are read anew, so a renewed one counts from the next connection.

    Raises:
        NotEnrolledError: the credential is missing or damaged.
        BrokerUnavailableError: a certificate is, or the credential is another gateway's.
    """
    broker, gateway = config.broker, config.gateway
    tls = _tls(broker) if broker.is_encrypted else None
    if broker.credential is None:
        return SignIn(client_id=gateway.edge_node, tls=tls)
    try:
        credential = read_credential(broker.credential)
    except CredentialUnusableError as error:
        raise NotEnrolledError(str(error)) from error
    place, own = (credential.group, credential.edge_node), (gateway.group, gateway.edge_node)
    if place != own:
        raise BrokerUnavailableError(
            f"credential {broker.credential} is for {'/'.join(place)}, the configuration says"
            f" {'/'.join(own)}: correct `gateway`, or enrol this gateway"
        )
    name = str(credential.gateway_id)
    return SignIn(client_id=name, username=name, password=credential.secret, tls=tls)


def _tls(broker: BrokerConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=broker.ca)
        if broker.certificate is not None:
            context.load_cert_chain(broker.certificate, broker.key)
    except OSError as error:  # ssl.SSLError is one
        raise BrokerUnavailableError(
            f"certificates for {broker.url}: {error.strerror or error}; check `ca`, `certificate`"
            " and `key`"
        ) from error
    return context
