from .contracts import check_metric as check_metric
from .contracts import check_operator as check_operator
from .contracts import practice_sample as practice_sample
from .method_contract import check_method as check_method
