"""Drives the AWS services of a local platform with boto3 and the AWS CLI, as their users do.

Usage: aws_clients.py ENDPOINT. Prints a line for each part that held; any failure is an exception.
"""

import json
import subprocess
import sys
import threading
import time
import uuid

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
CONFIG = Config(retries={"max_attempts": 1}, read_timeout=40)
ROLE = "arn:aws:iam::000000000000:role/clients"


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, config=CONFIG)


def refused(code, call):
    """The call must be refused with this code."""
    try:
        call()
    except ClientError as error:
        # SQS keeps the code of its older protocol beside the name of the error.
        assert code in (error.response["Error"]["Code"], type(error).__name__), error
        return error
    raise AssertionError(f"{code} was expected")


def eventually(look, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def dynamodb():
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "state")
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[{
            "IndexName": "by-state",
            "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }],
    )
    dynamodb.get_waiter("table_exists").wait(TableName="orders", WaiterConfig={"Delay": 1})
    table = boto3.resource("dynamodb", endpoint_url=ENDPOINT, config=CONFIG).Table("orders")
    for number in range(25):
        table.put_item(Item={"pk": "acme", "sk": f"{number:03}", "state": "open", "amount": number})
    refused("ConditionalCheckFailedException", lambda: table.put_item(
        Item={"pk": "acme", "sk": "000"}, ConditionExpression="attribute_not_exists(pk)"))
    updated = table.update_item(
        Key={"pk": "acme", "sk": "001"}, UpdateExpression="SET #s = :paid ADD amount :one",
        ExpressionAttributeNames={"#s": "state"}, ExpressionAttributeValues={":paid": "paid", ":one": 1},
        ReturnValues="ALL_NEW")
    assert updated["Attributes"]["amount"] == 2, updated
    pages, start = 0, {}
    found = []
    while True:
        page = table.query(KeyConditionExpression=Key("pk").eq("acme"), Limit=10, **start)
        found += page["Items"]
        pages += 1
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert [item["sk"] for item in found] == [f"{number:03}" for number in range(25)] and pages == 3, pages
    paid = table.query(IndexName="by-state", KeyConditionExpression=Key("state").eq("paid"))
    assert [item["sk"] for item in paid["Items"]] == ["001"], paid
    error = refused("TransactionCanceledException", lambda: dynamodb.transact_write_items(TransactItems=[
        {"Put": {"TableName": "orders", "Item": {"pk": {"S": "acme"}, "sk": {"S": "new"}}}},
        {"ConditionCheck": {"TableName": "orders", "Key": {"pk": {"S": "acme"}, "sk": {"S": "none"}},
                            "ConditionExpression": "attribute_exists(pk)"}},
    ]))
    reasons = [reason["Code"] for reason in error.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"], reasons
    assert "Item" not in table.get_item(Key={"pk": "acme", "sk": "new"}, ConsistentRead=True)
    table.delete()


def receive(sqs, url, count, **options):
    """So many messages, however many receives that takes."""
    messages = []
    while len(messages) < count:
        batch = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5,
                                    MessageAttributeNames=["All"], AttributeNames=["All"], **options)
        assert batch.get("Messages"), f"only {len(messages)} of {count} messages came"
        messages += batch["Messages"]
    return messages


def standard_queue(sqs):
    url = sqs.create_queue(QueueName="standard")["QueueUrl"]
    assert sqs.get_queue_url(QueueName="standard")["QueueUrl"] == url
    sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes={
        "kind": {"DataType": "String", "StringValue": "greeting"}})
    batch = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": str(number), "MessageBody": f"message {number}"} for number in range(5)])
    assert len(batch["Successful"]) == 5, batch
    messages = receive(sqs, url, 6)
    hello = next(message for message in messages if message["Body"] == "hello")
    assert hello["MessageAttributes"]["kind"]["StringValue"] == "greeting"
    gone = sqs.delete_message_batch(QueueUrl=url, Entries=[
        {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(messages)])
    assert len(gone["Successful"]) == 6, gone
    # Long polling: a receive that began before the message was sent gets it at once.
    threading.Timer(0.7, lambda: sqs.send_message(QueueUrl=url, MessageBody="late")).start()
    began = time.monotonic()
    late = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, VisibilityTimeout=1)
    assert late["Messages"][0]["Body"] == "late" and time.monotonic() - began < 5
    # Not deleted in time, it is visible again, under a new handle.
    again = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]
    assert again["MessageId"] == late["Messages"][0]["MessageId"]
    assert again["ReceiptHandle"] != late["Messages"][0]["ReceiptHandle"]
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=2)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    refused("QueueDoesNotExist", lambda: sqs.get_queue_url(QueueName="nowhere"))
    sqs.delete_queue(QueueUrl=url)


def fifo_queue(sqs):
    url = sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    send = lambda body, group, key: sqs.send_message(
        QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=key)
    first = send("a1", "a", "1")
    assert send("a1", "a", "1")["MessageId"] == first["MessageId"], "deduplicated"
    send("a2", "a", "2")
    send("b1", "b", "3")
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, AttributeNames=["All"])["Messages"][0]
    assert got["Body"] == "a1" and got["Attributes"]["MessageGroupId"] == "a", got
    # While a message of a group is in flight, no other of the group is delivered.
    other = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in other] == ["b1"], other
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"][0]["Body"] == "a2"


def dead_letters(sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    url = sqs.create_queue(QueueName="poisoned", Attributes={
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})})["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")["MessageId"]
    for _ in range(2):
        assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0, WaitTimeSeconds=2)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert receive(sqs, dead, 1)[0]["MessageId"] == sent
    count = lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert count()["ApproximateNumberOfMessages"] == "0", count()


def sqs():
    sqs = client("sqs")
    standard_queue(sqs)
    fifo_queue(sqs)
    dead_letters(sqs)


def kms():
    kms = client("kms")
    key = kms.create_key(Description="of a client")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/client", TargetKeyId=key)
    context = {"tenant": "acme"}
    sealed = kms.encrypt(KeyId="alias/client", Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"secret"
    refused("InvalidCiphertextException", lambda: kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"tenant": "b"}))
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    refused("InvalidCiphertextException", lambda: kms.decrypt(CiphertextBlob=broken, EncryptionContext=context))
    data = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    assert len(data["Plaintext"]) == 32
    assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == data["Plaintext"]
    signer = kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    options = {"KeyId": signer, "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
    signature = kms.sign(Message=b"log", **options)["Signature"]
    assert len(signature) == 64
    assert kms.verify(Message=b"log", Signature=signature, **options)["SignatureValid"]
    refused("KMSInvalidSignatureException", lambda: kms.verify(Message=b"lug", Signature=signature, **options))
    assert kms.get_public_key(KeyId=signer)["PublicKey"][-32:]
    refused("NotFoundException", lambda: kms.describe_key(KeyId=str(uuid.uuid4())))


def machine(sfn, name, definition):
    return sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]


def ended(sfn, execution):
    def look():
        description = sfn.describe_execution(executionArn=execution)
        return description if description["status"] != "RUNNING" else None
    return eventually(look)


def stepfunctions():
    sfn = client("stepfunctions")
    doubling = machine(sfn, "doubling", {
        "QueryLanguage": "JSONata", "StartAt": "Rest",
        "States": {
            "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Double"},
            "Double": {"Type": "Pass", "Output": "{% $states.input.n * 2 %}", "End": True},
        },
    })
    started = sfn.start_execution(stateMachineArn=doubling, name="one", input='{"n": 21}')["executionArn"]
    assert sfn.start_execution(stateMachineArn=doubling, name="one", input='{"n": 21}')["executionArn"] == started
    refused("ExecutionAlreadyExists", lambda: sfn.start_execution(stateMachineArn=doubling, name="one", input="{}"))
    description = ended(sfn, started)
    assert (description["status"], description["output"]) == ("SUCCEEDED", "42"), description
    history = [event["type"] for event in sfn.get_execution_history(executionArn=started)["events"]]
    assert history == ["ExecutionStarted", "WaitStateEntered", "WaitStateExited", "PassStateEntered",
                       "PassStateExited", "ExecutionSucceeded"], history
    refused("InvalidDefinition", lambda: machine(sfn, "broken", {"StartAt": "A", "States": {}}))
    tokens(sfn)


def tokens(sfn):
    """A worker that polls an activity, as task tokens are used from outside."""
    activity = sfn.create_activity(name="people")["activityArn"]
    asking = machine(sfn, "asking", {
        "StartAt": "Ask",
        "States": {"Ask": {"Type": "Task", "Resource": activity, "TimeoutSeconds": 60, "End": True}},
    })
    started = sfn.start_execution(stateMachineArn=asking, input='{"question": "pay?"}')["executionArn"]
    task = sfn.get_activity_task(activityArn=activity, workerName="boto3")
    assert json.loads(task["input"]) == {"question": "pay?"}, task
    sfn.send_task_heartbeat(taskToken=task["taskToken"])
    sfn.send_task_success(taskToken=task["taskToken"], output='{"answer": "yes"}')
    assert ended(sfn, started)["output"] == '{"answer": "yes"}'
    refused("TaskTimedOut", lambda: sfn.send_task_success(taskToken=task["taskToken"], output="{}"))
    failing = sfn.start_execution(stateMachineArn=asking, input="{}")["executionArn"]
    task = sfn.get_activity_task(activityArn=activity)
    sfn.send_task_failure(taskToken=task["taskToken"], error="No", cause="not today")
    description = ended(sfn, failing)
    assert (description["status"], description["error"]) == ("FAILED", "No"), description
    stopped = sfn.start_execution(stateMachineArn=asking, input="{}")["executionArn"]
    sfn.stop_execution(executionArn=stopped, error="Enough", cause="stopped by hand")
    assert ended(sfn, stopped)["status"] == "ABORTED"


def aws(*words):
    run = subprocess.run(["aws", "--endpoint-url", ENDPOINT, "--output", "json", *words],
                         capture_output=True, text=True)
    assert run.returncode == 0, (words, run.stdout, run.stderr)
    return json.loads(run.stdout) if run.stdout.strip() else {}


def cli():
    tables = aws("dynamodb", "list-tables")["TableNames"]
    assert len(tables) >= 4, tables
    url = aws("sqs", "create-queue", "--queue-name", "cli")["QueueUrl"]
    aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello")
    received = aws("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "2")
    assert received["Messages"][0]["Body"] == "hello"
    assert aws("kms", "list-keys")["Keys"]
    assert aws("stepfunctions", "list-state-machines")["stateMachines"]


for part in (dynamodb, sqs, kms, stepfunctions, cli):
    part()
    print(f"{part.__name__}: ok", flush=True)
