"""The server: an app of Flower's that averages what the clients have learned."""

from flwr.serverapp import ServerApp

from keras_sam.experiments.federated.on_flower import serve

app = ServerApp()
app.main()(serve)
